import { expect, test } from '@jest/globals';
import { isLoopback } from '../../../lib/core/peer.ts';

test.each(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1'])('%s is this machine itself', (address) => {
  expect(isLoopback(address)).toBe(true);
});

test.each(['128.0.0.1', '10.127.0.1', '::', '::1:1', '1::ffff:127.0.0.1', '::ffff:10.0.0.1', '1270.0.0.1', ''])('%j is not', (address) => {
  expect(isLoopback(address)).toBe(false);
});
