import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, parseConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgpu-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const VALID = 'consumers: { a: { url: "http://h:1" } }\n';

function lines(name: string, content?: string | Buffer): string[] {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path, content);
  const result = loadConfig(path, {});
  return result.ok ? [] : result.problems.map((problem) => formatProblem(problem).replace(path, name));
}

describe('a file', () => {
  test('with a byte order mark is fine', () => {
    expect(lines('bom.yaml', `\ufeff${VALID}`)).toEqual([]);
  });

  test('with Windows line ends has its problems on the right lines', () => {
    expect(lines('crlf.yaml', `# a\r\n${VALID.trim()}\r\nlisten: 5\r\n`)).toEqual([expect.stringMatching(/^crlf\.yaml:3:9: listen: /)]);
  });

  test('that is not there is named', () => {
    expect(lines('none.yaml')).toEqual(['none.yaml: expected a configuration file of at most 1 MiB of UTF-8 text, got no such file']);
  });

  test('that is a directory is named', () => {
    mkdirSync(join(folder, 'dir'));
    expect(lines('dir')).toEqual(['dir: expected a configuration file of at most 1 MiB of UTF-8 text, got a directory']);
  });

  test('that is not UTF-8 is named with the line', () => {
    const content = Buffer.concat([Buffer.from('# one\n# two \u00e4\n# '), Buffer.from([0xe4, 0x0a])]);
    expect(lines('latin.yaml', content)).toEqual([expect.stringContaining('got bytes on line 3 that are not UTF-8')]);
  });

  test('with a null byte in its name is no file', () => {
    expect(loadConfig('a\0b', {})).toMatchObject({ ok: false, problems: [{ file: 'a\0b', line: null, column: null, where: '' }] });
  });

  test('that never ends is not read to its end', () => {
    expect(loadConfig('/dev/zero', {})).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('got more than 1 MiB') }] });
  });
});

describe('what would take long is refused at once', () => {
  const bomb = ['k0: &k0 [lol]', ...Array.from({ length: 10 }, (_, index) => `k${index + 1}: &k${index + 1} [${Array(9).fill(`*k${index}`).join(',')}]`)].join('\n');

  test.each([
    ['ten megabytes', 'a'.repeat(10_000_000), 'got more than 1 MiB'],
    ['a megabyte in few characters', '\u20ac'.repeat(400_000), 'got more than 1 MiB'],
    ['an alias bomb', bomb, 'got an alias'],
    ['deep nesting', '['.repeat(100_000), 'nesting exceeded maxDepth'],
    ['an alias of itself', 'a: &a { b: *a }', 'got an alias'],
  ])('%s', (_name, text, got) => {
    parseConfig(VALID, 'warm.yaml', {});
    const before = performance.now();
    const result = parseConfig(text, 'c.yaml', {});
    expect(performance.now() - before).toBeLessThan(100);
    expect(result).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.objectContaining({ message: expect.stringContaining(got) })]) });
  });

  test('a file of ten megabytes', () => {
    writeFileSync(join(folder, 'huge.yaml'), Buffer.alloc(10_000_000, '#'));
    const before = performance.now();
    expect(lines('huge.yaml')).toEqual([expect.stringContaining('got more than 1 MiB')]);
    expect(performance.now() - before).toBeLessThan(100);
  });
});
