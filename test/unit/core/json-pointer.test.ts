import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPointer } from '../../../lib/core/json-pointer.ts';

/** The example of RFC 6901 section 5, and what ComfyUI answers. */
const DOCUMENT = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
  '~1': 9,
  exec_info: { queue_remaining: 4 },
};

describe('the pointer', () => {
  test.each([
    ['', DOCUMENT],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/~01', 9],
    ['/exec_info/queue_remaining', 4],
  ])('%j names %j', (pointer, value) => {
    expect(readPointer(DOCUMENT, pointer)).toEqual(value);
  });

  test.each(['/nothing', '/foo/2', '/foo/length', '/foo/-', '/foo/00', '/exec_info/queue_remaining/x', '/toString', '/__proto__', '/constructor/name'])(
    '%j names nothing',
    (pointer) => {
      expect(readPointer(DOCUMENT, pointer)).toBeUndefined();
    },
  );
});

test.each([null, undefined, 3, 'text', true])('in %j there is nothing to name but the whole', (document) => {
  expect(readPointer(document, '/a')).toBeUndefined();
  expect(readPointer(document, '')).toBe(document);
});

test('any member of any document is found by its escaped name', () => {
  const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.jsonValue(), (outer, inner, value) => {
      const document: unknown = JSON.parse(`{${JSON.stringify(outer)}:{${JSON.stringify(inner)}:${JSON.stringify(value)}}}`);
      expect(readPointer(document, `/${escaped(outer)}/${escaped(inner)}`)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('no pointer makes it throw', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string(), (document, text) => void readPointer(document, `/${text}`)));
});
