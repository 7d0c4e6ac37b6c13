import { describe, expect, test } from '@jest/globals';
import { eventLine } from '../../../lib/cli/event-words.ts';
import { moment } from '../../../lib/cli/words.ts';
import type { BrokerEvent, Occurrence } from '../../../lib/core/events.ts';
import { UNLOADED } from '../../support/seen-queue.ts';

const TIME = '2026-11-21T12:00:00.000Z';
const line = (occurrence: Occurrence, color = false): string => {
  const event: BrokerEvent = { ...occurrence, id: 1, time: TIME };
  return eventLine(event, { color });
};
const label = { request: 'r-1', kind: 'llm', consumer: 'ollama', model: 'qwen3', client: 'key laptop' };
const unloading = { consumer: 'comfyui', for: 'ollama', request: 'r-1', explanation: 'too little is free', expected_mib: 9800 } as const;
const finished = { ...label, type: 'request_finished', method: 'POST', path: '/v1/llm', queue_ms: 0, evict_ms: null, load_ms: null, upstream_ms: 3, total_ms: 3400, bytes_in: 1, bytes_out: 2 } as const;

describe('an event in words', () => {
  test.each<[string, Occurrence]>([
    ['r-1 (llm qwen3) for ollama waits, asked by key laptop', { ...label, type: 'request_waiting' }],
    ['r-1 (llm qwen3) for ollama has the card, waited 3.4 s, loading 12 ms', { ...label, type: 'request_granted', queue_ms: 3400, evict_ms: null, load_ms: 12 }],
    ['r-1 (llm qwen3) for ollama: POST /v1/llm ended with 200 after 3.4 s', { ...finished, status: 200, error: null, cut: null }],
    ['r-1 (llm qwen3) for ollama: POST /v1/llm ended with 503 queue_timeout after 3.4 s', { ...finished, status: 503, error: 'queue_timeout', cut: null }],
    ['r-1 (llm qwen3) for ollama: POST /v1/llm ended with no answer after 3.4 s (cut: client left)', { ...finished, status: null, error: null, cut: 'client left' }],
    ['r-1 (llm qwen3) for ollama no longer has the card, after 3.4 s', { ...label, type: 'request_released', run_ms: 3400 }],
    ['comfyui is being unloaded for ollama, which should free 9.6 GiB: too little is free', { ...unloading, type: 'unloading', reason: 'room' }],
    ['comfyui was unloaded as it was idle in 1.2 s and freed 500 MiB', { ...unloading, type: 'unloaded', reason: 'idle', for: null, result: 'freed', freed_mib: 500, hook_ms: 900, settle_ms: 300, error: null }],
    ['comfyui could not be unloaded by hand: HTTP 500', { ...unloading, type: 'unloaded', reason: 'hand', for: null, result: 'failed', freed_mib: null, hook_ms: 1, settle_ms: null, error: 'HTTP 500' }],
    ['ollama is being loaded for r-1', { type: 'loading', consumer: 'ollama', request: 'r-1' }],
    ['ollama is loaded, after 2.0 s', { type: 'loaded', consumer: 'ollama', request: 'r-1', result: 'ready', load_ms: 2000, error: null }],
    ['ollama could not be loaded, after 2.0 s: no', { type: 'loaded', consumer: 'ollama', request: 'r-1', result: 'failed', load_ms: 2000, error: 'no' }],
    ['ollama: absent → resident: loaded', { type: 'residency', consumer: 'ollama', from: 'absent', to: 'resident', reason: 'loaded' }],
    ['ollama: healthy → unhealthy: refused', { type: 'health', consumer: 'ollama', from: 'healthy', to: 'unhealthy', reason: 'refused' }],
    ['the configuration was refused: line 3', { type: 'config', result: 'refused', problem: 'line 3' }],
    ['the configuration was reloaded', { type: 'config', result: 'reloaded', problem: null }],
    ['paused by martin', { type: 'pause', paused: true, by: 'martin' }],
    ['takes work again', { type: 'pause', paused: false, by: null }],
    ['card: 9.8 GiB of 16.0 GiB used', { type: 'sample', total_mib: 16_376, used_mib: 10_035, free_mib: 1, consumers: {}, foreign_mib: null, error: null }],
    ['the card could not be read: gone', { type: 'sample', total_mib: null, used_mib: null, free_mib: null, consumers: {}, foreign_mib: null, error: 'gone' }],
  ])('%s', (words, occurrence) => {
    expect(line(occurrence)).toBe(`${moment(new Date(TIME)).slice(-8)}  ${words}`);
  });

  test('cannot command the terminal, and is one line', () => {
    expect(line({ type: 'config', result: 'refused', problem: 'a\nb\u001b[2J\u202e' })).toMatch(/: a b \[2J$/);
  });

  test('of a later daemon is shown as it is', () => {
    expect(eventLine({ id: 1, type: 'novelty', what: 7 }, { color: false })).toBe('-  novelty {"id":1,"type":"novelty","what":7}');
  });

  test('is red where something has failed, and only then', () => {
    expect(eventLine({ ...UNLOADED, result: 'failed' }, { color: true })).toContain('\u001b[31m');
    expect(eventLine(UNLOADED, { color: true })).not.toContain('\u001b[31m');
  });
});
