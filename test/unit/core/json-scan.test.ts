import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonScanner } from '../../../lib/core/json-scan.ts';
import type { JsonMember, JsonScan } from '../../../lib/core/json-scan.ts';
import { cases } from '../../support/cases.ts';
import { keptMib } from '../../support/heap.ts';
import { anyChoices, anyCuts, anyMembers, jsonText, scanned } from '../../support/scanned.ts';

const scan = (text: string | Uint8Array, cuts: readonly number[] = []): JsonScan => scanned(new JsonScanner(), Buffer.from(text), cuts);

function membersOf(result: JsonScan): readonly JsonMember[] {
  if (result.type === 'fault') throw new Error(result.message);
  return result.members;
}

function messageOf(result: JsonScan): string {
  return result.type === 'fault' ? result.message : '';
}

test('a body of any members, cut anywhere, has the names and values that JSON.parse says, and stands where it says', () => {
  fc.assert(
    fc.property(anyMembers, anyChoices, anyCuts, (pairs, choices, cuts) => {
      const text = jsonText(pairs, choices);
      const body = Buffer.from(text);
      const result = scan(body, cuts);
      const found = membersOf(result);
      expect(found.map(({ name }) => name)).toEqual(pairs.map(([name]) => name));
      expect(found.map((each) => JSON.stringify(JSON.parse(each.text ?? '')))).toEqual(pairs.map(([, value]) => JSON.stringify(value)));
      for (const { name, start, valueStart, valueEnd, text: value } of found) {
        expect(body.subarray(valueStart, valueEnd).toString()).toBe(value);
        expect(JSON.parse(body.subarray(start, valueStart).toString().replace(/\s*:\s*$/, ''))).toBe(name);
      }
      expect(result).toMatchObject({ open: body.indexOf('{'), close: body.lastIndexOf('}') });
    }),
    { numRuns: cases(300) },
  );
});

test('what JSON.parse takes for an object is taken, and all cuts of a body say the same', () => {
  const put = fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '1', ' ', 'é');
  const damage = fc.record({ at: fc.nat(), length: fc.nat({ max: 2 }), put });
  fc.assert(
    fc.property(anyMembers, anyChoices, fc.tuple(damage, anyCuts), (pairs, choices, [{ at, length, put: inserted }, cuts]) => {
      const whole = jsonText(pairs, choices);
      const from = at % (whole.length + 1);
      const text = whole.slice(0, from) + inserted + whole.slice(from + length);
      expect(scan(text, cuts)).toEqual(scan(text));
      if (isObject(text)) expect(scan(text).type).toBe('object');
    }),
    { numRuns: cases(500) },
  );
});

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

test('names are decoded, and a name within a value is none', () => {
  const found = membersOf(scan('{"mod\\u0065l":"a\\"b","x":{"model":"no"},"y":[{"model":"no"}],"z":"\\\\","Model":1}'));
  expect(found.map(({ name, text }) => [name, text])).toEqual([
    ['model', '"a\\"b"'], ['x', '{"model":"no"}'], ['y', '[{"model":"no"}]'], ['z', '"\\\\"'], ['Model', '1'],
  ]);
});

test('a byte order mark may come first', () => {
  expect(membersOf(scan('\uFEFF{"model":"a"}'))).toHaveLength(1);
  expect(scan('{\uFEFF"model":"a"}').type).toBe('fault');
});

describe('the client is told where a body is no JSON object', () => {
  test.each([
    ['', 'expected an opening brace, got the end at byte 0'],
    ['[1]', 'expected an opening brace at byte 0'],
    ['"model"', 'expected an opening brace at byte 0'],
    ['{"a":1', 'expected a comma or a closing bracket, got the end at byte 6'],
    ['{"a":"', 'got the end at byte 6'],
    ['{"a":1}}', 'expected nothing more at byte 7'],
    ['{"a":1} {"b":2}', 'expected nothing more at byte 8'],
    ['{"a":1]', 'expected a comma or a closing bracket at byte 6'],
    ['{"a":[1}}', 'at byte 7'],
    ['{"a":1,}', 'expected a key in double quotes at byte 7'],
    ['{,}', 'expected a key in double quotes or a closing brace at byte 1'],
    ['{"a":[,]}', 'expected a value or a closing bracket at byte 6'],
    ['{"a":[1,]}', 'expected a value at byte 8'],
    ['{"a":}', 'expected a value at byte 5'],
    ['{"a" 1}', 'expected a colon at byte 5'],
    ['{"a"::1}', 'expected a value at byte 5'],
    ['{"a":1 2}', 'expected a comma or a closing bracket at byte 7'],
    ['{"a":1 "b":2}', 'at byte 7'],
    ['{a:1}', 'expected a key in double quotes or a closing brace at byte 1'],
    ["{'a':1}", 'at byte 1'],
    ['{"a":{1:2}}', 'expected a key in double quotes or a closing brace at byte 6'],
    ['{"a":1/*,"model":"b"*/}', 'at byte 6'],
    ['{"a\\x":1}', 'the key at byte 1 is not a valid string'],
  ])('%s', (text, reason) => {
    const message = messageOf(scan(text));
    expect(message).toContain('the body is not a JSON object: ');
    expect(message).toContain(reason);
  });
});

describe('the bounds', () => {
  test('a thousand members, and none more', () => {
    const body = (count: number): string => `{${Array.from({ length: count }, (_, at) => `"${at}":0`).join(',')}}`;
    expect(membersOf(scan(body(1000)))).toHaveLength(1000);
    expect(messageOf(scan(body(1001)))).toContain('more than 1000 members');
  });

  test('a key of 1024 bytes, and none longer, however it is cut', () => {
    expect(membersOf(scan(`{"${'k'.repeat(1024)}":1}`))[0]?.name).toHaveLength(1024);
    expect(messageOf(scan(`{"${'k'.repeat(1025)}":1}`, [500, 900]))).toContain('longer than 1024 bytes');
    expect(scan(`{"a":{"${'k'.repeat(1025)}":1}}`).type).toBe('object');
  });

  test('a text of 4096 bytes is told, a longer one is passed over', () => {
    const [fits, tooLong] = membersOf(scan(`{"a":"${'x'.repeat(4094)}","b":"${'x'.repeat(4095)}"}`, [3000, 6000, 9000]));
    expect(fits?.text).toHaveLength(4096);
    expect([tooLong?.text, (tooLong?.valueEnd ?? 0) - (tooLong?.valueStart ?? 0)]).toEqual([null, 4097]);
  });

  test('512 levels, and none more', () => {
    const body = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(scan(body(512)).type).toBe('object');
    expect(messageOf(scan(body(513)))).toContain('expected no more than 512 levels');
  });
});

test('a body of 64 MiB leaves nothing in memory', () => {
  const scanner = new JsonScanner();
  scanner.feed(Buffer.from('{"image":"'));
  const before = keptMib();
  let most = before;
  for (let count = 0; count < 1024; count += 1) {
    scanner.feed(Buffer.alloc(64 * 1024, count % 2 === 0 ? 'A' : '\\"'));
    if (count % 256 === 255) most = Math.max(most, keptMib());
  }
  scanner.feed(Buffer.from('","model":"last"}'));
  expect(membersOf(scanner.end()).map(({ name, text }) => [name, text])).toEqual([['image', null], ['model', '"last"']]);
  expect(most - before).toBeLessThan(4);
}, 60_000);
