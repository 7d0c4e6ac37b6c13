import { describe, expect, test } from '@jest/globals';
import { configOf, problemLines } from './support.ts';

/** A file with a consumer for each of these. */
function file(consumers: Readonly<Record<string, { url?: string; listen?: string }>>, listen?: string): string {
  const entries = Object.entries(consumers).map(([name, own], index) => [name, { url: `http://127.0.0.1:${9000 + index}`, health: { path: '/' }, ...own }]);
  return JSON.stringify({ ...(listen === undefined ? {} : { listen }), routing: {}, consumers: Object.fromEntries(entries) });
}

describe('consumers.NAME.listen', () => {
  test.each(['127.0.0.1:11434', '[::1]:11434', '0.0.0.0:11434', 'localhost:0'])('may be %s', (listen) => {
    expect(configOf(file({ a: { listen } })).consumers.get('a')?.listen).toBe(listen);
  });

  test('is judged as the listen of the broker is', () => {
    expect(problemLines(file({ a: { listen: '127.0.0.1:65536' } }))).toEqual([expect.stringContaining('consumers.a.listen: expected a port from 0 to 65535')]);
    expect(problemLines(file({ a: { listen: '[:::]:1' } }))).toEqual([expect.stringContaining('expected an IPv6 address between the brackets')]);
  });

  test.each([
    ['127.0.0.1:11434', '127.0.0.1:11434'],
    ['localhost:11434', '127.0.0.1:11434'],
    ['[::1]:11434', 'localhost:11434'],
    ['0.0.0.0:11434', '100.64.0.7:11434'],
    ['box:11434', '[::]:11434'],
    ['[0:0:0:0:0:0:0:1]:11434', '127.0.0.1:11434'],
  ])('must not be another one: %s and %s', (one, two) => {
    const lines = problemLines(file({ a: { listen: one }, b: { listen: two } }));
    expect(lines).toEqual([expect.stringContaining('consumers.b.listen: expected an address and port that are not where it listens for a (consumers.a.listen)')]);
  });

  test.each([
    ['127.0.0.1:8770', undefined],
    ['0.0.0.0:9', '127.0.0.1:9'],
    ['127.0.0.1:9', '[::]:9'],
  ])('must not be that of the broker: %s', (listen, main) => {
    expect(problemLines(file({ a: { listen } }, main))).toEqual([expect.stringContaining('not where the broker itself listens (listen), got')]);
  });

  test.each([
    ['127.0.0.1:11434', 'http://127.0.0.1:11434'],
    ['127.0.0.1:11434', 'http://localhost:11434/'],
    ['0.0.0.0:11434', 'http://localhost:11434'],
    ['[::]:80', 'http://127.0.0.1'],
    ['192.168.1.5:11434', 'http://192.168.1.5:11434'],
  ])('must not be where the server is: %s for %s', (listen, url) => {
    expect(problemLines(file({ a: { listen, url } }))).toEqual([expect.stringContaining('not where a itself is (consumers.a.url), as the broker would then ask itself')]);
    expect(problemLines(file({ a: { listen }, b: { url } }))).toEqual([expect.stringContaining('consumers.a.listen: expected an address and port that are not where b itself is')]);
  });

  test.each([
    ['127.0.0.1:11434', '127.0.0.1:11435', 'http://127.0.0.1:11436'],
    ['127.0.0.1:11434', '100.64.0.7:11434', 'http://127.0.0.2:11434'],
    ['127.0.0.1:0', '127.0.0.1:0', 'http://127.0.0.1:1'],
    ['0.0.0.0:11434', '0.0.0.0:11435', 'http://172.17.0.2:11434'],
  ])('may share what is not the same: %s, %s and %s', (one, two, url) => {
    expect(problemLines(file({ a: { listen: one, url }, b: { listen: two } }, '127.0.0.1:0'))).toEqual([]);
  });
});
