import { expect, test } from '@jest/globals';
import { unreadyReasons } from '../../../lib/core/readiness.ts';

const PROBED = { name: 'tts', isProbed: true };
const UNPROBED = { name: 'stt', isProbed: false };

test('it is ready when every consumer has been probed once', () => {
  expect(unreadyReasons({ isDraining: false, consumers: [PROBED] })).toEqual([]);
});

test('it is ready without consumers', () => {
  expect(unreadyReasons({ isDraining: false, consumers: [] })).toEqual([]);
});

test('it is not ready while a consumer has not been probed, and names it', () => {
  expect(unreadyReasons({ isDraining: false, consumers: [PROBED, UNPROBED] })).toEqual(['stt has not been probed yet']);
});

test('it is not ready while it drains', () => {
  expect(unreadyReasons({ isDraining: true, consumers: [PROBED] })).toEqual(['shutting down']);
  expect(unreadyReasons({ isDraining: true, consumers: [UNPROBED] })).toEqual(['shutting down', 'stt has not been probed yet']);
});
