import { expect, test } from '@jest/globals';
import { ago, count, duration, mib, moment, painter, printable } from '../../../lib/cli/words.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const before = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

test('what is not known is a dash or said to be unknown, never 0', () => {
  expect([count(null), mib(null), duration(null), ago(null, NOW)]).toEqual(['-', 'unknown', '-', '-']);
  expect([count(0), mib(0), duration(0)]).toEqual(['0', '0 MiB', '0 ms']);
});

test('a moment is in the time of this machine', () => {
  expect(moment(new Date(2026, 0, 2, 3, 4, 5))).toBe('2026-01-02 03:04:05');
  expect(moment(null)).toBe('-');
});

test.each([
  [12.4, '12 ms'],
  [3400, '3.4 s'],
  [125_000, '2 m 5 s'],
  [11_400_000, '3 h 10 m'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [-5, '0s ago'],
  [8, '8s ago'],
  [200, '3m ago'],
  [7300, '2h ago'],
  [200_000, '2d ago'],
])('%d s before now is %s', (seconds, text) => {
  expect(ago(before(seconds), NOW)).toBe(text);
});

test('a text from elsewhere cannot command the terminal', () => {
  expect(printable('a\u001b[2Jb\r\nc\u009b31m\u202e')).toBe('a [2Jb c 31m');
});

test('colour is put on only where it is wanted', () => {
  expect(painter(false)('red', 'x')).toBe('x');
  expect(painter(true)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
});
