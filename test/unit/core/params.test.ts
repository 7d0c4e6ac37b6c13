import { describe, expect, test } from '@jest/globals';
import { checkParams, only, someText, textOf, valueOf, whole } from '../../../lib/core/params.ts';

const RULES = { text: someText, count: whole(1, 4), mode: only(['a', 'b'], 'only a or b') };
const fault = (params: Record<string, unknown>) => checkParams({ text: 'x', ...params }, RULES);

describe('a request', () => {
  test.each([{}, { count: 1 }, { count: 4, mode: 'b' }, { count: null, mode: null }])('with %j has no fault', (params) => {
    expect(fault(params)).toBeNull();
  });

  test('is told everything that is wrong with it at once', () => {
    expect(fault({ text: '', count: 5 })).toEqual({ type: 'bad', message: 'text: expected a text; count: expected a whole number from 1 to 4' });
  });

  test('is told what is not supported before what is wrong, and what there is', () => {
    expect(fault({ count: 5, mode: 'c', speed: 2 })).toEqual({
      type: 'unsupported',
      message: 'not supported here: mode (only a or b), speed; the parameters that there are: text, count, mode',
      parameters: ['mode', 'speed'],
    });
  });

  test.each([
    ['a', 'a'],
    ['A.b[0]-c_', 'A.b[0]-c_'],
    ['x'.repeat(64), 'x'.repeat(64)],
    ['x'.repeat(65), `"${'x'.repeat(64)}"`],
    ['a b', '"a b"'],
    ['a\n', '"a\\n"'],
    ['"', '"\\""'],
    ['', '""'],
  ])('with a parameter of the odd name %j is told it as %s', (name, shown) => {
    expect(fault({ [name]: 1 })).toMatchObject({ message: `not supported here: ${shown}; the parameters that there are: text, count, mode` });
  });
});

describe('a value is missing', () => {
  test('where nobody said it, or said null, or an object only inherits it', () => {
    expect([valueOf({}, 'a'), valueOf({ a: null }, 'a'), valueOf({}, 'toString'), valueOf({ a: 0 }, 'a'), valueOf({ a: false }, 'a')]).toEqual([undefined, undefined, undefined, 0, false]);
  });
  test('as a text where it is none', () => {
    expect([textOf({ a: 'x' }, 'a'), textOf({ a: '' }, 'a'), textOf({ a: 1 }, 'a'), textOf({}, 'a')]).toEqual(['x', '', null, null]);
  });
});

test.each([0, 5, 1.5, '2', true, Number.NaN])('%j is no whole number from 1 to 4', (value) => {
  expect(whole(1, 4)(value)).toEqual({ type: 'bad', what: 'a whole number from 1 to 4' });
  expect(whole(1, 4, 'a few')(value)).toEqual({ type: 'bad', what: 'a few' });
});
