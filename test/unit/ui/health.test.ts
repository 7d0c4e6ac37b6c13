import { describe, expect, test } from '@jest/globals';
import { BEAT_MS, BEATS, beats, stateOf, withChange } from '../../../ui/health.js';
import { BEGIN, consumer } from '../../support/watched-events.ts';

/** A full slice ends here. */
const NOW = Math.ceil(BEGIN / BEAT_MS) * BEAT_MS;

describe('how a consumer does', () => {
  test.each([
    ['healthy', { healthy: true }],
    ['unhealthy', { healthy: false }],
    ['unknown', { healthy: null }],
    ['stopped', { healthy: false, residency: 'absent' }],
    ['stopped', { healthy: false, residency: 'loading' }],
    ['unhealthy', { healthy: false, residency: 'unknown' }],
    ['unhealthy', { healthy: false, residency: 'absent', loadable: false }],
  ])('is %s: %j', (state, over) => {
    expect(stateOf(consumer('a', over))).toBe(state);
  });
});

describe('heartbeats', () => {
  test('show each ten seconds of the last five minutes, the worst where several states were seen', () => {
    const changes = [
      { at: NOW - 4 * BEAT_MS + 1, to: 'healthy' },
      { at: NOW - 3 * BEAT_MS + 1, to: 'unhealthy' },
      { at: NOW - 3 * BEAT_MS + 2, to: 'healthy' },
      { at: NOW - 1 * BEAT_MS + 1, to: 'unknown' },
    ];
    const shown = beats(changes, NOW);
    expect(shown).toHaveLength(BEATS);
    expect(shown.slice(-6)).toEqual(['none', 'none', 'healthy', 'unhealthy', 'healthy', 'healthy']);
    expect(beats(changes, NOW + BEAT_MS).at(-1)).toBe('unknown');
    expect(beats([], NOW)).toEqual(Array.from({ length: BEATS }, () => 'none'));
  });

  test('forget what is older than sixty changes, and note only what changes', () => {
    let changes: readonly { readonly at: number; readonly to: string }[] = [];
    for (let turn = 0; turn < 100; turn += 1) changes = withChange(changes, { at: turn, to: turn % 2 === 0 ? 'healthy' : 'unhealthy' });
    expect([changes.length, changes.at(-1)?.at]).toEqual([60, 99]);
    expect(withChange(changes, { at: 200, to: 'unhealthy' })).toBe(changes);
    expect(withChange(changes, { at: 5, to: 'healthy' }).at(-1)).toEqual({ at: 99, to: 'healthy' });
  });
});
