import { expect, test } from '@jest/globals';
import type { GateRequest } from '../../../lib/core/gating.ts';
import { orNull, requestGranted, requestReleased, requestWaiting, tenths } from '../../../lib/core/request-events.ts';
import { ticketOf } from '../../support/tickets.ts';

const { request: PLAIN } = ticketOf({ sequence: 7 });
const FULL: GateRequest = { ...PLAIN, kind: 'tts', model: 'voice', client: 'key one' };
const LABEL = { request: '7', kind: 'tts', consumer: 'p2', model: 'voice', client: 'key one' };

test('an event of a request says whose it is and what it asks for, and null where nobody said', () => {
  expect(requestWaiting(FULL)).toEqual({ type: 'request_waiting', ...LABEL });
  expect(requestWaiting(PLAIN)).toEqual({ type: 'request_waiting', request: '7', kind: null, consumer: 'p2', model: null, client: null });
  expect(requestReleased(FULL, 1234.56)).toEqual({ type: 'request_released', ...LABEL, run_ms: 1234.6 });
});

test('work by hand is called by what it does, unless it is shown as something else', () => {
  expect(requestWaiting({ ...PLAIN, work: 'load' }).kind).toBe('load');
  expect(requestWaiting({ ...PLAIN, work: 'unload', kind: 'lease' }).kind).toBe('lease');
});

test('at the grant the wait is less what making room took, and what did not happen is null', () => {
  const granted = { type: 'request_granted', ...LABEL };
  expect(requestGranted({ request: FULL, times: { evict: 300, load: 5000.04 } }, 6000)).toEqual({ ...granted, queue_ms: 700, evict_ms: 300, load_ms: 5000 });
  expect(requestGranted({ request: FULL, times: {} }, 12.34)).toEqual({ ...granted, queue_ms: 12.3, evict_ms: null, load_ms: null });
});

test('times are told in tenths of a millisecond', () => {
  expect([tenths(0.04), tenths(0.05), orNull(0), orNull(undefined)]).toEqual([0, 0.1, 0, null]);
});
