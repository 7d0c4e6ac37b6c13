import { describe, expect, test } from '@jest/globals';
import { parametrized } from '../../../lib/core/header-parameters.ts';

const read = (text: string) => {
  const found = parametrized(text);
  return found === null ? null : [found.value, Object.fromEntries(found.parameters)];
};

describe('a value with parameters', () => {
  test.each([
    ['', '', {}],
    [' Text/Plain ', 'text/plain', {}],
    ['a;b=c', 'a', { b: 'c' }],
    ['a ;  B  =  C  ;d=e', 'a', { b: 'C', d: 'e' }],
    ['a; b="c; d=e"; f=g', 'a', { b: 'c; d=e', f: 'g' }],
    ['a; b=""', 'a', { b: '' }],
    [String.raw`a; b="c\"d\\e\f"`, 'a', { b: String.raw`c"d\e\f` }],
    ['a; b=c;', 'a', { b: 'c' }],
    ['a; b=c ;  ', 'a', { b: 'c' }],
    ['a;', 'a', {}],
    ["a; !#$%&'*+.^_`|~09AZaz-=1", 'a', { "!#$%&'*+.^_`|~09azaz-": '1' }],
  ])('%j is taken apart', (text, value, parameters) => {
    expect(read(text)).toEqual([value, parameters]);
  });

  test.each(['a; b=c; b=d', 'a; b=c; B=d', 'a; b', 'a; =c', 'a; b=', 'a; b="c', 'a; b=c d', 'a; b="c"d', 'a; b="c"  ;; d=e', 'a;;b=c', 'a; b c=d', 'a; (b)=c'])('%j is not of that form', (text) => {
    expect(read(text)).toBeNull();
  });
});
