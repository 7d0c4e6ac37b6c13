import type { Finding } from './finding.ts';
import { cells } from './width.ts';
import { painter, printable, type Style } from './words.ts';

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<Finding['result'], Style>;

/** What was found, a line for each check, with what helps below it. Ends with a newline. */
export function renderFindings(findings: readonly Finding[], { color }: { readonly color: boolean }): string {
  const paint = painter(color);
  const size = Math.max(...findings.map(({ check }) => cells(printable(check))));
  const lines = findings.flatMap(({ check, result, message, fix }) => {
    const name = printable(check);
    const head = `${paint(STYLES[result], result.padEnd(4))}  ${name}${' '.repeat(size - cells(name))}  `;
    return [head + printable(message), ...(fix === null ? [] : [`      ${' '.repeat(size)}  → ${printable(fix)}`])];
  });
  const count = (result: Finding['result']): number => findings.filter((each) => each.result === result).length;
  return `${lines.join('\n')}\n\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed\n`;
}
