import { describe, expect, test } from '@jest/globals';
import { WrongKeys } from '../../../lib/core/wrong-keys.ts';

const MINUTE = 60_000;

/** Notes so many wrong keys, one each ms. Returns which of them was one too many. */
function guess(wrong: WrongKeys, count: number, address = '192.168.1.7'): number[] {
  return Array.from({ length: count }, (_, at) => at).filter((at) => wrong.note(address, at));
}

describe('wrong keys', () => {
  test('are taken nine times, and the tenth has its peer wait', () => {
    const wrong = new WrongKeys();
    expect(guess(wrong, 9)).toEqual([]);
    expect(wrong.waitMs('192.168.1.7', 9)).toBe(0);
    expect(guess(wrong, 1)).toEqual([0]);
    expect(wrong.waitMs('192.168.1.7', 10)).toBeGreaterThan(0);
  });

  test('are forgotten a minute after they came', () => {
    const wrong = new WrongKeys();
    guess(wrong, 10);
    expect(wrong.waitMs('192.168.1.7', 9)).toBe(MINUTE - 9);
    expect(wrong.waitMs('192.168.1.7', MINUTE - 1)).toBe(1);
    expect(wrong.waitMs('192.168.1.7', MINUTE)).toBe(0);
    expect(wrong.note('192.168.1.7', MINUTE)).toBe(true);
  });

  test('of one peer are no other one\'s', () => {
    const wrong = new WrongKeys();
    guess(wrong, 10);
    expect(wrong.waitMs('192.168.1.8', 10)).toBe(0);
    guess(wrong, 10, '2001:db8:1:2::1');
    expect(wrong.waitMs('2001:db8:1:2:ffff::9', 10)).toBeGreaterThan(0);
    expect(wrong.waitMs('2001:db8:1:3::1', 10)).toBe(0);
  });

  test('take bounded memory, and the newest are kept', () => {
    const wrong = new WrongKeys();
    for (let peer = 0; peer < 5000; peer += 1) wrong.note(`10.0.${peer >> 8}.${peer & 255}`, peer);
    expect(wrong.size).toBe(1024);
    guess(wrong, 100);
    expect(wrong.waitMs('192.168.1.7', 100)).toBeGreaterThan(0);
    expect(wrong.size).toBe(1024);
  });

  test('of a peer that goes on are kept, though it began before all others', () => {
    const wrong = new WrongKeys();
    guess(wrong, 9);
    for (let peer = 0; peer < 1023; peer += 1) wrong.note(`10.0.${peer >> 8}.${peer & 255}`, 20);
    guess(wrong, 1);
    wrong.note('192.168.1.8', 30);
    expect(wrong.waitMs('192.168.1.7', 30)).toBeGreaterThan(0);
  });
});
