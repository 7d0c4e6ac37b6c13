/** The value that a JSON pointer (RFC 6901) names; undefined if there is none. Looks at own members only. */
export function readPointer(document: unknown, pointer: string): unknown {
  if (pointer === '') return document;
  const steps = pointer.slice(1).split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.reduce<unknown>((value, step) => memberOf(value, step), document);
}

function memberOf(value: unknown, step: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(step);
}
