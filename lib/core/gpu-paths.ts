/**
 * Whether a request to a consumer's own server works on the card. `patterns` are its `gpu_paths`. Servers differ in how they read
 * a path, so it is compared as the most lenient of them would read it: no spelling gets past the gate.
 */
export function usesGpu(patterns: readonly string[], method: string, path: string): boolean {
  if (method === 'OPTIONS') return false;
  const asked = plainMethod(method);
  const segments = segmentsOf(path);
  return patterns.some((pattern) => {
    const at = pattern.indexOf(' ');
    const wanted = pattern.slice(0, at);
    if (wanted !== '*' && plainMethod(wanted) !== asked) return false;
    // What cannot be read may be anything.
    return segments === null || matches(pattern.slice(at + 1), segments);
  });
}

/** A HEAD makes the server do what a GET does. */
function plainMethod(method: string): string {
  return method === 'HEAD' ? 'GET' : method;
}

function matches(pattern: string, segments: readonly string[]): boolean {
  const path = `/${segments.join('/')}`;
  if (!pattern.endsWith('*')) return path === `/${(segmentsOf(pattern) ?? []).join('/')}`;
  // With a slash behind it, as some servers take `/v1` for `/v1/`.
  return `${path}/`.startsWith(pattern.slice(0, -1).toLowerCase());
}

/** Escapes decoded, letters small, no parameters (`;…`), no empty and no dot segments; null: its escapes are not UTF-8. */
function segmentsOf(path: string): string[] | null {
  const text = decoded(path);
  if (text === null) return null;
  const segments: string[] = [];
  for (const raw of text.toLowerCase().split('/')) {
    const segment = raw.split(';', 1)[0] ?? '';
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
