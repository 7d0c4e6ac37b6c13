/** A queue as `GET /v1/queue` says it: one runs, two wait. */
export const QUEUE = {
  schema_version: 1,
  time: '2026-11-21T12:00:00.000Z',
  running: [{ id: '7', request_id: 'r-7', kind: 'llm', consumer: 'ollama', model: 'qwen3:14b', client: 'key laptop', since: '2026-11-21T11:59:39.000Z', run_ms: 21_000, expected_ms: 34_000 }],
  waiting: [
    {
      id: '8', request_id: 'r-8', kind: 'image', consumer: 'comfyui', model: 'text-to-image', client: 'user anna', since: '2026-11-21T11:59:48.000Z', position: 1, wait_ms: 12_000,
      estimated_start: '2026-11-21T12:00:13.000Z', estimated_wait_ms: 13_000, estimated_wait_range_ms: [10_000, 20_000], estimate: 'measured',
      will_evict: [{ consumer: 'ollama', frees_mib: 10_035 }], held_by: [],
    },
    {
      id: '9', request_id: 'r-9', kind: 'tts', consumer: 'mvoice', model: null, client: null, since: '2026-11-21T11:59:56.000Z', position: 2, wait_ms: 4000,
      estimated_start: null, estimated_wait_ms: null, estimated_wait_range_ms: null, estimate: 'no history', will_evict: [], held_by: ['comfyui'],
    },
  ],
  waiting_total: 5,
  paused: null,
};

/** A card of 16 GiB with three consumers, one of them ill. */
export const STATUS = {
  version: '0.1.0',
  time: '2026-11-21T12:00:00.000Z',
  listen: '127.0.0.1:8770',
  gpu: { name: 'Simulated RTX', total_mib: 16_376, used_mib: 13_335, free_mib: 3041, foreign: [{ pid: 9, name: 'game', mib: 400 }] },
  consumers: [
    { name: 'comfyui', url: 'http://127.0.0.1:8188', healthy: false, residency: 'absent', gpu_resident_mib: null, last_error: 'GET /prompt: connect ECONNREFUSED 127.0.0.1:8188' },
    { name: 'mvoice', url: 'http://127.0.0.1:8766', healthy: true, residency: 'resident', gpu_resident_mib: 2800, running: 0 },
    { name: 'ollama', url: 'http://127.0.0.1:11434', healthy: true, residency: 'resident', gpu_resident_mib: 10_035, running: 1 },
  ],
  scheduler: { queue_depth: 5, in_flight: 1 },
};

/** An eviction that has ended. */
export const UNLOADED = {
  id: 3, time: '2026-11-21T11:58:00.000Z', type: 'unloaded', consumer: 'comfyui', for: 'ollama', request: 'r-7', reason: 'room',
  explanation: 'ollama needs 10035 MiB, 3041 MiB are free', expected_mib: 9800, result: 'freed', freed_mib: 9700, hook_ms: 900, settle_ms: 300, error: null,
};

/** What a stream of events begins with. */
export const snapshotOf = (boot: string, events: readonly unknown[] = [UNLOADED]) => ({ schema_version: 1, boot, last_id: 3, status: STATUS, queue: QUEUE, events });
