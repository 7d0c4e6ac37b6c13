import { describe, expect, test } from '@jest/globals';
import type { Reading } from '../../../lib/core/model.ts';
import { statusReport } from '../../../lib/core/status.ts';
import type { ConsumerFacts, StatusFacts } from '../../../lib/core/status.ts';
import { configured } from '../../support/configured.ts';

const NOW = new Date('2026-02-03T04:05:06.789Z');
const READING: Reading = {
  ok: true,
  sample: {
    startedAt: 1,
    takenAt: new Date('2026-02-03T04:05:05.000Z'),
    uuid: 'GPU-1',
    name: 'RTX',
    totalMib: 16_376,
    usedMib: 6000,
    freeMib: 10_000,
    attribution: { uses: new Map(), foreign: [{ pid: 7, name: 'game', usedMib: null }], unknownHolders: [] },
  },
};

/** A consumer of which nothing is known yet. */
const NEW: ConsumerFacts = {
  name: 'tts',
  url: 'http://127.0.0.1:8766',
  health: { state: 'unknown' },
  residency: 'unknown',
  residencySource: 'assumed',
  use: null,
  declaredMib: null,
  measuredMib: null,
  isWorkingForOthers: false,
  preset: null,
  running: 0,
  waiting: 0,
  totalRequests: 0,
  lastUsed: null,
  lastProbe: null,
  lastError: null,
  probes: {},
  probeMs: null,
  priority: 2,
  coexistsWith: [],
  canLoad: false,
  systemdUnit: null,
};

/** A daemon that has just started. */
const START: StatusFacts = {
  now: NOW,
  version: '1.2.3',
  startedAt: new Date('2026-02-03T04:00:00.000Z'),
  listen: '127.0.0.1:8770',
  config: configured({ consumers: { tts: {} } }),
  configPath: 'config/consumers.yaml',
  reloadError: null,
  reading: null,
  consumers: [NEW],
  scheduler: { waiting: 0, running: 0, totalJobs: 0, lastWaitMs: null, lastRunMs: null, evictions: 0, oldestWaitMs: null },
  leases: [],
  paused: null,
  history: null,
  process: { eventLoop: { p99Ms: 0.04, maxMs: 12.34 }, rssMib: 80.6, openConnections: 3 },
  isDraining: false,
};

/** The members of the report, by their place, as JSON shows them. */
function shown(differences: Partial<StatusFacts> = {}) {
  const text = JSON.stringify(statusReport({ ...START, ...differences }));
  const body: Record<'gpu' | 'scheduler' | 'routing', Record<string, unknown>> & { consumers: Record<string, unknown>[] } & Record<string, unknown> =
    JSON.parse(text);
  return body;
}

function consumerShown(differences: Partial<ConsumerFacts>) {
  return shown({ consumers: [{ ...NEW, ...differences }] }).consumers[0];
}

describe('no member that callers rely on is ever left out', () => {
  test('at the top', () => {
    expect(Object.keys(shown())).toEqual(expect.arrayContaining(['listen', 'time', 'gpu', 'routing', 'consumers', 'scheduler']));
  });
  test('of the card', () => {
    const keys = ['total_mib', 'used_mib', 'free_mib', 'reserved_mib', 'last_sample'];
    for (const reading of [null, READING, { ok: false, startedAt: 1, error: 'x' } as const]) {
      expect(Object.keys(shown({ reading }).gpu)).toEqual(expect.arrayContaining(keys));
    }
  });
  test('of a consumer', () => {
    const keys = ['name', 'url', 'healthy', 'loaded', 'gpu_resident_mib', 'vram_budget_mib', 'active', 'total_requests', 'priority', 'can_coexist_with'];
    expect(Object.keys(shown().consumers[0] ?? {})).toEqual(expect.arrayContaining(keys));
  });
  test('of the scheduler', () => {
    const keys = ['queue_depth', 'in_flight', 'total_jobs', 'last_wait_ms', 'last_run_ms', 'evictions'];
    expect(Object.keys(shown().scheduler)).toEqual(expect.arrayContaining(keys));
  });
});

test('a member that goes or changes its meaning raises the version of the report', () => {
  expect(shown()['schema_version']).toBe(1);
});

test('where the broker stands in for a consumer is shown where that is configured', () => {
  expect([consumerShown({ listen: '127.0.0.1:1' })?.['listen'], consumerShown({ listen: null })?.['listen']]).toEqual(['127.0.0.1:1', null]);
  expect(Object.keys(consumerShown({}) ?? {})).not.toContain('listen');
});

describe('what is not known is null, never 0: ', () => {
  test('which card it is', () => {
    expect(shown().gpu).toMatchObject({ name: null, uuid: null, unattributed_mib: null });
  });
  test('the memory of the daemon itself', () => {
    expect(shown({ process: { ...START.process, rssMib: null } })['process']).toMatchObject({ rss_mib: null });
  });
  test('of a card that was read: what that reading does not say', () => {
    const sample = { ...READING.sample, totalMib: null, usedMib: null };
    expect(shown({ reading: { ok: true, sample } }).gpu).toMatchObject({ total_mib: null, used_mib: null, free_mib: 10_000 });
  });
  test('the memory of a card that has not been read', () => {
    expect(shown().gpu).toMatchObject({ total_mib: null, used_mib: null, free_mib: null, last_sample: null, foreign: null });
  });
  test('whether a consumer is healthy and loaded, and what it uses and needs', () => {
    expect(consumerShown({})).toMatchObject({ healthy: null, loaded: null, gpu_resident_mib: null, vram_budget_mib: null });
  });
  test('how long the last job waited and ran', () => {
    expect(shown().scheduler).toMatchObject({ last_wait_ms: null, last_run_ms: null });
  });
  test('who holds memory that could not be attributed', () => {
    const reading = { ...READING, sample: { ...READING.sample, attribution: null } };
    expect(shown({ reading }).gpu['foreign']).toBeNull();
  });
});

test('what has not happened yet is left out', () => {
  expect(Object.keys(shown().scheduler)).not.toContain('oldest_queued');
  for (const key of ['last_used', 'last_probe', 'last_error']) expect(Object.keys(shown().consumers[0] ?? {})).not.toContain(key);
  expect(Object.keys(shown({ reading: READING }).gpu)).not.toContain('err');
});

describe('the card', () => {
  test('is shown as it was read', () => {
    expect(shown({ reading: READING }).gpu).toMatchObject({
      name: 'RTX',
      uuid: 'GPU-1',
      total_mib: 16_376,
      used_mib: 6000,
      free_mib: 10_000,
      reserved_mib: 0,
      last_sample: '2026-02-03T04:05:05.000Z',
      foreign: [{ pid: 7, name: 'game', mib: null }],
    });
  });
  test('that was not read yet says so, and what decides meanwhile', () => {
    expect(shown().gpu['err']).toBe('not read yet; admission goes by the declared footprints');
  });
  test('that cannot be read says why, and shows no memory that it may no longer have', () => {
    const { gpu } = shown({ reading: { ok: false, startedAt: 1, error: 'nvidia-smi: not found' } });
    expect(gpu).toMatchObject({ free_mib: null, used_mib: null, err: 'nvidia-smi: not found; admission goes by the declared footprints' });
  });
  test('that cannot be read is as large as it was configured', () => {
    const config = configured({ gpu: { total_mib: 16_376, reserved_mib: 512 } });
    expect(shown({ config }).gpu).toMatchObject({ total_mib: 16_376, reserved_mib: 512, free_mib: null });
    expect(shown({ config, reading: { ...READING, sample: { ...READING.sample, totalMib: 24_576 } } }).gpu).toMatchObject({ total_mib: 24_576 });
  });
});

describe('a consumer', () => {
  test.each([
    ['resident', true],
    ['absent', false],
    ['loading', false],
    ['unloading', false],
    ['unknown', null],
  ] as const)('that is %s is loaded: %j', (residency, loaded) => {
    expect(consumerShown({ residency })).toMatchObject({ loaded, residency });
  });
  test.each([
    [{ state: 'healthy' }, true],
    [{ state: 'unhealthy', error: 'x' }, false],
    [{ state: 'unknown' }, null],
  ] as const)('whose health is %j is healthy: %j', (health, healthy) => {
    expect(consumerShown({ health })).toMatchObject({ healthy });
  });
  test('shows its numbers and its last events', () => {
    const facts = { use: { mib: 0, source: 'self' as const }, declaredMib: 2800, running: 1, waiting: 3, totalRequests: 9, priority: 4, coexistsWith: ['llm'] };
    const events = { lastUsed: NOW, lastProbe: NOW, lastError: 'GET /health answered 500' };
    expect(consumerShown({ ...facts, ...events })).toMatchObject({
      gpu_resident_mib: 0,
      vram_budget_mib: 2800,
      active: 1,
      running: 1,
      waiting: 3,
      total_requests: 9,
      priority: 4,
      can_coexist_with: ['llm'],
      last_used: '2026-02-03T04:05:06.789Z',
      last_probe: '2026-02-03T04:05:06.789Z',
      last_error: 'GET /health answered 500',
    });
  });
  test('shows why its residency and its memory are believed', () => {
    const facts = { residency: 'resident', residencySource: 'process', use: { mib: 900, source: 'self' }, measuredMib: 1000, isWorkingForOthers: true } as const;
    const shownOf = { residency_source: 'process', gpu_resident_mib: 900, gpu_resident_source: 'self', external_work: true };
    expect(consumerShown(facts)).toMatchObject(shownOf);
    expect(consumerShown({})).toMatchObject({ residency_source: 'assumed', gpu_resident_source: null, external_work: false });
  });
  test('shows what it is and how it is started, where that is known', () => {
    expect(consumerShown({ preset: 'ollama', systemdUnit: 'ollama.service', canLoad: true })).toMatchObject({ preset: 'ollama', systemd_unit: 'ollama.service', loadable: true });
    expect(consumerShown({})).toMatchObject({ loadable: false });
    for (const key of ['preset', 'systemd_unit']) expect(Object.keys(consumerShown({}) ?? {})).not.toContain(key);
  });
  test('stands among the others by its name', () => {
    const consumers = ['tts', 'LLM', 'image (retired)', 'image'].map((name) => ({ ...NEW, name }));
    expect(shown({ consumers }).consumers.map(({ name }) => name)).toEqual(['LLM', 'image', 'image (retired)', 'tts']);
  });
});

test('the scheduler shows the queue, and since when its oldest request waits', () => {
  const scheduler = { waiting: 2, running: 1, totalJobs: 7, lastWaitMs: 12.345, lastRunMs: 99.96, evictions: 3, oldestWaitMs: 1789 };
  expect(shown({ scheduler }).scheduler).toEqual({
    queue_depth: 2,
    in_flight: 1,
    total_jobs: 7,
    last_wait_ms: 12.3,
    last_run_ms: 100,
    evictions: 3,
    oldest_queued: '2026-02-03T04:05:05.000Z',
  });
});

test('a time of 0 ms is known, and is 0', () => {
  const scheduler = { ...START.scheduler, lastWaitMs: 0, lastRunMs: 0, oldestWaitMs: 0 };
  expect(shown({ scheduler }).scheduler).toMatchObject({ last_wait_ms: 0, last_run_ms: 0, oldest_queued: '2026-02-03T04:05:06.789Z' });
});

test('the report states where it listens, when, by which version and with which file', () => {
  expect(shown({ reloadError: 'line 3 is bad', isDraining: true })).toMatchObject({
    listen: '127.0.0.1:8770',
    time: '2026-02-03T04:05:06.789Z',
    version: '1.2.3',
    draining: true,
    config: { file: 'config/consumers.yaml', reload_error: 'line 3 is bad' },
  });
});

test('leases by hand are shown with when they expire and what runs inside', () => {
  const lease = { id: 'x', consumer: 'tts', expiresAt: new Date('2026-01-02T03:04:05Z'), running: 2, isEnding: false };
  expect(shown({ leases: [lease] })['leases']).toEqual([{ id: 'x', consumer: 'tts', expires_at: '2026-01-02T03:04:05.000Z', running: 2, ending: false }]);
});

test('a pause is shown with since when and by whom it is', () => {
  expect(shown()['paused']).toBeNull();
  expect(shown({ paused: { since: new Date('2026-01-02T03:04:05Z'), by: 'me' } })['paused']).toEqual({ since: '2026-01-02T03:04:05.000Z', by: 'me' });
});

test('the history is shown as kept or why it is not, with what was never written', () => {
  expect(shown()['history']).toBeNull();
  expect(shown({ history: { fault: null, dropped: 0 } })['history']).toEqual({ on: true, reason: null, dropped: 0 });
  expect(shown({ history: { fault: 'disk full', dropped: 7 } })['history']).toEqual({ on: false, reason: 'disk full', dropped: 7 });
});

test('the daemon itself is shown with how it does, and how its summary counts it', () => {
  expect(shown()['process']).toEqual({ event_loop_p99_ms: 0, event_loop_max_ms: 12.3, rss_mib: 81, open_connections: 3 });
  expect(shown()['summary']).toMatchObject({ consumers: 1, uptime_seconds: 306 });
});

test('the routing is the configured one', () => {
  const config = configured({ consumers: { tts: { paths: { tts: { path: '/x' } } } }, routing: { tts: 'tts' } });
  expect(shown({ config }).routing).toEqual({ tts: 'tts' });
});

interface Known {
  readonly usedMib: number | null;
  readonly consumer: number | null;
  readonly foreign: number | null;
  readonly unknown?: number | null;
}

test.each<[Known, number | null]>([
  [{ usedMib: 3000, consumer: 2000, foreign: 500 }, 500],
  [{ usedMib: 2000, consumer: 2000, foreign: 500 }, 0],
  [{ usedMib: 3000.4, consumer: 2000, foreign: 500, unknown: 100 }, 400],
  [{ usedMib: 3000, consumer: 2000, foreign: 500, unknown: null }, null],
  [{ usedMib: 3000, consumer: null, foreign: 500 }, null],
  [{ usedMib: 3000, consumer: 2000, foreign: null }, null],
  [{ usedMib: null, consumer: 2000, foreign: 500 }, null],
])('unattributed memory of %j is %j', ({ usedMib, consumer, foreign, unknown = 0 }, expected) => {
  if (!READING.ok) throw new Error('no reading');
  const attribution = { uses: new Map([['tts', consumer]]), foreign: [{ pid: 7, name: null, usedMib: foreign }], unknownHolders: [{ pid: 8, name: null, usedMib: unknown }] };
  expect(shown({ reading: { ok: true, sample: { ...READING.sample, usedMib, attribution } } }).gpu['unattributed_mib']).toBe(expected);
});
