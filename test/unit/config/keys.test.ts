import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';
import { keyEntry } from '../../support/keys.ts';
import { problemLines, warningLines } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'mgpu-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ONE = keyEntry('one', 'first', ['infer']);
const TWO = keyEntry('two', 'second', ['infer', 'read', 'admin']);
const CONSUMERS = 'consumers: { a: { url: "http://h:1" } }\n';
let files = 0;

/** A file of keys beside the configuration. */
function keysFile(content: unknown, mode = 0o600): string {
  const name = `keys-${(files += 1)}.yaml`;
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(join(folder, name), mode);
  return name;
}

const load = (access: unknown) => parseConfig(`access: ${JSON.stringify(access)}\n${CONSUMERS}`, join(folder, 'c.yaml'), {});
const linesOf = (access: unknown): string[] => {
  const result = load(access);
  return result.ok ? [] : result.problems.map(formatProblem).map((line) => line.replaceAll(`${folder}/`, ''));
};

describe('keys', () => {
  test('are those of the configuration and those of the file, which is looked for beside it', () => {
    const result = load({ keys: [ONE], keys_file: keysFile([TWO]) });
    expect(result.ok && result.config.access.keys).toEqual([ONE, TWO]);
  });

  test('are none by default', () => {
    const result = load({});
    expect(result.ok && result.config.access.keys).toEqual([]);
  });

  test.each([
    [[{ ...ONE, sha256: 'first' }], /c\.yaml:1:\d+: access\.keys\[0\]\.sha256: expected the SHA-256 of the key in 64 hexadecimal digits.*, got a text that is not shown here$/],
    [[{ ...ONE, scopes: ['admn'] }], /access\.keys\[0\]\.scopes\[0\]: expected one of infer, read, admin, .*did you mean "admin"/],
    [[{ ...ONE, scopes: [] }], /access\.keys\[0\]\.scopes: expected at least one entry/],
    [[{ ...ONE, key: 'x' }], /access\.keys\[0\]\.key: expected one of the keys name, sha256, scopes, got "key"/],
    [[ONE, { ...TWO, name: 'One' }], /access\.keys\[1\]\.name: expected a name that no other key has, got "One"/],
    [[ONE, { ...TWO, sha256: ONE.sha256.toUpperCase() }], /access\.keys\[1\]\.sha256: expected the hash of a key that is not listed yet/],
  ])('that are wrong are said: %j', (keys, line) => {
    expect(linesOf({ keys })).toEqual([expect.stringMatching(line)]);
  });
});

describe('the file of keys', () => {
  test.each([0o600, 0o400, 0o700])('may have mode %o', (mode) => {
    expect(linesOf({ keys_file: keysFile([ONE], mode) })).toEqual([]);
  });

  test.each([0o640, 0o604, 0o620, 0o601, 0o666])('may not have mode %o', (mode) => {
    const [line] = linesOf({ keys_file: keysFile([ONE], mode) });
    expect(line).toContain(`c.yaml:1:`);
    expect(line).toMatch(new RegExp(`access\\.keys_file: expected a file that only its owner can read.*mode 0${mode.toString(8)}; chmod 600 helps`));
  });

  test('is judged by what a link leads to', () => {
    symlinkSync(join(folder, keysFile([ONE], 0o644)), join(folder, 'link.yaml'));
    expect(linesOf({ keys_file: 'link.yaml' })).toEqual([expect.stringContaining('mode 0644')]);
  });

  (process.getuid?.() === 0 ? test : test.skip)('may belong to nobody else', () => {
    const name = keysFile([ONE]);
    chownSync(join(folder, name), 12_345, 12_345);
    expect(linesOf({ keys_file: name })).toEqual([expect.stringContaining('belongs to another user (uid 12345)')]);
  });

  test('that is not there, or a folder, is said', () => {
    mkdirSync(join(folder, 'dir'), { mode: 0o700 });
    expect(linesOf({ keys_file: 'none.yaml' })).toEqual([expect.stringMatching(/got no such file/)]);
    expect(linesOf({ keys_file: 'dir' })).toEqual([expect.stringMatching(/got a directory/)]);
  });

  test.each<[unknown, RegExp]>([
    ['', /keys-\d+\.yaml:1:1: expected a list of keys.*, got an empty file/],
    ['# none\n', /keys-\d+\.yaml:1:1: expected a list of keys.*, got an empty file/],
    ['a: [', /keys-\d+\.yaml:1:\d+: expected valid YAML/],
    ['a: b\n', /keys-\d+\.yaml:1:1: expected a list, got a value that is not shown here/],
    [`- { name: one, sha256: first, scopes: [infer] }\n`, /keys-\d+\.yaml:1:24: \[0\]\.sha256: expected the SHA-256 .*, got a value that is not shown here/],
    [[TWO, TWO], /keys-\d+\.yaml:1:\d+: \[1\]\.name: expected a name that no other key has, got "two"/],
  ])('says what is wrong with it: %j', (content, line) => {
    expect(linesOf({ keys_file: keysFile(content) })[0]).toMatch(line);
  });

  test('has no key that the configuration has', () => {
    expect(linesOf({ keys: [ONE], keys_file: keysFile([ONE]) })).toEqual([
      expect.stringMatching(/^keys-\d+\.yaml:1:\d+: \[0\]\.name: expected a name that no other key has/),
      expect.stringMatching(/^keys-\d+\.yaml:1:\d+: \[0\]\.sha256: expected the hash of a key that is not listed yet/),
    ]);
  });
});

describe('a warning is written', () => {
  test.each(['any', 'private'])('for %s without keys, and not with one', (name) => {
    const access = `allow: [loopback, ${name}]`;
    expect(warningLines(`access: { ${access} }\n${CONSUMERS}`)).toEqual([expect.stringMatching(/access\.allow\[1\]: expected keys beside it/)]);
    expect(warningLines(`access: { ${access}, keys: [${JSON.stringify(ONE)}] }\n${CONSUMERS}`)).toEqual([]);
  });

  test('for logins that nobody looks up', () => {
    expect(warningLines(`access: { logins: { me@x: [admin] } }\n${CONSUMERS}`)).toEqual([expect.stringMatching(/access\.logins: expected tailscale_whois: true beside it/)]);
    expect(warningLines(`access: { logins: { me@x: [admin] }, tailscale_whois: true }\n${CONSUMERS}`)).toEqual([]);
  });
});

test('a login is a name without spaces, with scopes that exist', () => {
  expect(problemLines(`access: { logins: { "a b": [infer] } }\n${CONSUMERS}`)).toEqual([expect.stringContaining('expected a login as Tailscale writes it')]);
  expect(problemLines(`access: { logins: { me@x: [all] } }\n${CONSUMERS}`)).toEqual([expect.stringContaining('expected one of infer, read, admin')]);
});
