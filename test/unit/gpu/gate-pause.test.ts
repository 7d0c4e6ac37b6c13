import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;

const PAUSE = { since: new Date('2026-01-02T03:04:05Z'), by: 'me' };

beforeEach(() => {
  bench = new GateBench({ consumers: { a: HOOKS } });
});

afterEach(() => bench.stop());

describe('while the card is paused', () => {
  test('new requests are refused, with since when and by whom, and when to come again', () => {
    bench.gate.pause(PAUSE);
    const refusal = expect.objectContaining({
      kind: expect.objectContaining({ error: 'paused' }),
      message: 'the card is paused since 2026-01-02T03:04:05.000Z by me',
      details: { retryAfterS: 60 },
    });
    expect(() => bench.ask('a')).toThrow(refusal);
    expect(() => bench.ask('a', { work: 'load' })).toThrow(refusal);
    expect(() => bench.gate.refuseIfFull()).toThrow(refusal);
    expect(() => bench.gate.refuseIfPaused()).toThrow(refusal);
  });

  test('running work goes on, what waits is refused, and unloading by hand is done', async () => {
    const [running, waiting, byHand] = [bench.ask('a'), bench.ask('a'), bench.ask('a', { work: 'unload' })];
    await bench.settled();
    bench.gate.pause(PAUSE);
    await bench.settled();
    expect([running.state, waiting.refusal.kind.error, byHand.state]).toEqual(['granted', 'paused', 'waiting']);
    const another = bench.ask('a', { work: 'unload' });
    running.release();
    await bench.settled();
    expect([byHand.state, another.state, bench.hooks.calls]).toEqual(['done', 'done', ['unload a']]);
  });

  test('the first pause stays, whoever asks for another', () => {
    expect(bench.gate.paused).toBeNull();
    expect(bench.gate.pause(PAUSE)).toBe(PAUSE);
    expect(bench.gate.pause({ since: new Date(), by: 'you' })).toBe(PAUSE);
    expect(bench.gate.paused).toBe(PAUSE);
    expect(bench.logger.lines.filter(({ message }) => message === 'paused')).toEqual([{ level: 'info', message: 'paused', fields: { by: 'me' } }]);
  });
});

test('after it work is taken again', async () => {
  bench.gate.pause(PAUSE);
  expect(bench.gate.resume()).toBe(PAUSE);
  expect(bench.gate.resume()).toBeNull();
  expect(bench.gate.paused).toBeNull();
  expect(bench.logger.lines.filter(({ message }) => message === 'resumed')).toEqual([
    { level: 'info', message: 'resumed', fields: { was_paused_since: '2026-01-02T03:04:05.000Z' } },
  ]);
  const asked = bench.ask('a');
  await bench.settled();
  expect(asked.state).toBe('granted');
});
