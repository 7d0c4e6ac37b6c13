import { describe, expect, test } from '@jest/globals';
import { renderHistory } from '../../../lib/cli/history-view.ts';
import { cells } from '../../../lib/cli/width.ts';

const EVICTION = {
  id: 12, time: '2026-11-21T16:22:21.000Z', consumer: 'comfyui', for: 'ollama', request: '59c40014-97fc-4094-b8dd-7c5f7649c8cb', reason: 'room',
  explanation: 'ollama needs 4256 MiB with its cushion and 1076 MiB can be had', expected_mib: 12_000, result: 'freed', freed_mib: 12_000, hook_ms: 3.4, settle_ms: 133.6, error: null,
};
const EXCHANGE = {
  id: 6, time: '2026-11-21T16:07:52.000Z', request: '14f1d378-462d-4089-86c6-d015fcf6f913', kind: 'stt', consumer: 'whisper-server', model: 'whisper-1', client: 'peer 127.0.0.1', method: 'POST', path: '/v1/stt',
  status: 200, queue_ms: 65.2, upstream_ms: 408.3, total_ms: 1316.4, bytes_in: 44_283, bytes_out: 30,
};
const lines = (rows: readonly unknown[], width: number | null): string[] => renderHistory(rows, width).trimEnd().split('\n');

describe('the history', () => {
  test('has all that was kept where there is room', () => {
    expect(lines([EVICTION], null)[0]).toMatch(/^ID +TIME +CONSUMER +FOR +REQUEST +REASON +EXPLANATION +EXPECTED MIB +RESULT +FREED MIB +HOOK MS +SETTLE MS$/);
    expect(lines([EVICTION], 400)).toHaveLength(2);
    expect(lines([{ id: null }], 80)).toEqual(['nothing was kept of that']);
  });

  test('says on 80 columns why something had to go, and what came of it', () => {
    const [heading = '', row = '', why] = lines([EVICTION], 80);
    expect(heading).toMatch(/^TIME +CONSUMER +FOR +REASON +EXPECTED MIB +RESULT +FREED MIB$/);
    expect(row).toMatch(/comfyui +ollama +room +12000 +freed +12000$/);
    expect(why).toBe('  ollama needs 4256 MiB with its cushion and 1076 MiB can be had');
  });

  test('says on 80 columns who was served, with what result, and how long that took', () => {
    const [heading = '', row = ''] = lines([EXCHANGE], 80);
    expect(heading).toMatch(/^TIME +KIND +CONSUMER +MODEL +STATUS +QUEUE MS +TOTAL MS$/);
    expect(Math.max(cells(heading), cells(row))).toBeLessThanOrEqual(80);
    expect(lines([{ ...EXCHANGE, error: 'queue_full' }], 80)[2]).toBe('  queue_full');
  });

  test('has the memory of each consumer below its row', () => {
    const sample = { id: 1, time: '2026-11-21T16:44:00.000Z', total_mib: 16_376, used_mib: 3300, free_mib: 13_076, consumers: { comfyui: 100, mvoice: 2800 }, foreign_mib: 0 };
    expect(lines([sample], 80).at(-1)).toBe('  comfyui 100, mvoice 2800');
  });

  test('has the error of a probe below its row, and a word in it', () => {
    const change = { id: 9, time: '2026-11-21T16:22:18.000Z', consumer: 'whisper-server', from: 'healthy', to: 'unhealthy', reason: 'GET /health: connection refused (ECONNREFUSED)' };
    expect(lines([change, { ...change, reason: 'answered' }], 80).map((line) => line.trim())).toEqual([expect.stringMatching(/TO$/), expect.stringMatching(/unhealthy$/), change.reason, expect.stringMatching(/unhealthy$/), 'answered']);
  });
});
