import { describe, expect, test } from '@jest/globals';
import { readStatus } from '../../../lib/cli/status-document.ts';
import { renderStatus } from '../../../lib/cli/status-view.ts';
import { moment } from '../../../lib/cli/words.ts';

const NOW = new Date('2026-11-21T12:00:00Z');

const CONSUMER = {
  name: 'mvoice',
  url: 'http://127.0.0.1:8766',
  healthy: true,
  loaded: true,
  residency: 'resident',
  residency_source: 'self',
  gpu_resident_mib: 2710,
  vram_budget_mib: 2800,
  active: 0,
  running: 0,
  waiting: 0,
  total_requests: 42,
  last_used: '2026-11-21T11:57:00Z',
  priority: 3,
  can_coexist_with: [],
};
const BODY = {
  listen: '127.0.0.1:8770',
  time: NOW.toISOString(),
  gpu: { name: 'RTX 4080', total_mib: 16376, used_mib: 10035, free_mib: 6341, reserved_mib: 0, last_sample: NOW.toISOString() },
  routing: {},
  consumers: [CONSUMER],
  scheduler: { queue_depth: 2, in_flight: 1, total_jobs: 42, last_wait_ms: 12.3, last_run_ms: 3400, evictions: 3, oldest_queued: '2026-11-21T11:59:48Z' },
};

function view(body: unknown, options: { color?: boolean; width?: number } = {}): string {
  const status = readStatus(body);
  if (status === null) throw new Error('expected a status');
  return renderStatus(status, { now: NOW, color: options.color ?? false, width: options.width ?? null });
}

const ill = (more: Record<string, unknown>): unknown => ({ ...BODY, consumers: [{ ...CONSUMER, healthy: false, residency: 'unknown', ...more }] });

describe('a status in words', () => {
  test('has the card, the consumers and the queue', () => {
    const idle = { name: 'comfyui', url: 'http://127.0.0.1:8188', healthy: null, residency: 'absent', residency_source: 'assumed', gpu_resident_mib: null, vram_budget_mib: 13000, running: 0, waiting: 1, total_requests: 0 };
    expect(view({ ...BODY, consumers: [idle, CONSUMER] })).toBe(
      [
        'RTX 4080: 10035 MiB used of 16376 MiB, 6341 MiB free',
        '',
        'CONSUMER  HEALTH   RESIDENCY  SOURCE    VRAM MiB  RUNNING  WAITING  TOTAL  LAST USED',
        'comfyui   unknown  absent     assumed    -/13000        0        1      0          -',
        'mvoice    healthy  resident   self     2710/2800        0        0     42     3m ago',
        '',
        'Queue: 2 waiting (oldest for 12.0 s), 1 running, 42 done, 3 evictions; last one waited 12 ms and ran 3.4 s',
        '',
      ].join('\n'),
    );
  });

  test('says what is not known, and why the card could not be read', () => {
    const body = { consumers: [{ name: 'a' }], scheduler: {}, gpu: { total_mib: null, err: 'nvidia-smi: not found', reserved_mib: 512 } };
    expect(view(body)).toBe(
      [
        'GPU: unknown used of unknown, unknown free, 512 MiB reserved (nvidia-smi: not found)',
        '',
        'CONSUMER  HEALTH   RESIDENCY  SOURCE  VRAM MiB  RUNNING  WAITING  TOTAL  LAST USED',
        'a         unknown  unknown    -            -/-        -        -      -          -',
        '',
        'Queue: - waiting, - running, - done, - evictions',
        '',
      ].join('\n'),
    );
  });

  test('has a line for each card where there are several', () => {
    expect(view({ ...BODY, gpu: [{ name: 'A' }, { name: 'B' }] })).toMatch(/^A: .*\nB: /);
  });

  test('leaves out columns on a narrow terminal', () => {
    expect(view(BODY, { width: 70 })).not.toContain('LAST USED');
    expect(view(BODY, { width: 70 })).toContain('SOURCE');
    expect(view(BODY, { width: 60 })).not.toContain('SOURCE');
    expect(view(BODY, { width: 60 })).toContain('WAITING');
  });

  test('is the same with colours, but for the colours', () => {
    const painted = view(ill({ last_error: 'boom' }), { color: true });
    expect(painted).toContain('\u001b[31munhealthy\u001b[39m');
    expect(painted.replaceAll(/\u001b\[\d+m/g, '')).toBe(view(ill({ last_error: 'boom' })));
  });

  test('begins with since when and by whom the card is paused, and how that ends', () => {
    const since = new Date(NOW.getTime() - 185_000);
    const [first, second] = view({ ...BODY, paused: { since: since.toISOString(), by: 'martin@mrock' } }).split('\n');
    expect(first).toBe(`Paused since ${moment(since)} by martin@mrock (3m ago); requests get 503 until \`mgpumanager resume\`.`);
    expect(second).toMatch(/^RTX 4080: /);
  });

  test('of a card that is not paused does not speak of it', () => {
    expect(view({ ...BODY, paused: null })).toBe(view(BODY));
    expect(view(BODY)).not.toMatch(/paused/i);
  });

  test('has the processes that belong to no consumer below their card', () => {
    const foreign = [{ pid: 4321, name: 'python3', mib: 3000 }, { pid: 900, name: 'Xorg', mib: null }];
    expect(view({ ...BODY, gpu: { ...BODY.gpu, foreign } })).toContain('6341 MiB free\n  Foreign: python3 (pid 4321) 3000 MiB, Xorg (pid 900) unknown\n\nCONSUMER');
    expect(view({ ...BODY, gpu: { ...BODY.gpu, foreign: [] } })).toBe(view(BODY));
    expect(view({ ...BODY, gpu: { ...BODY.gpu, foreign: null } })).toBe(view(BODY));
  });

  test('has a line for each lease', () => {
    const leases = [
      { id: 'ab12', consumer: 'mvoice', expires_at: '2026-11-21T12:00:45Z', running: 1, ending: false },
      { id: 'cd34', consumer: 'comfyui', expires_at: '2026-11-21T11:59:00Z', running: 2, ending: true },
    ];
    const text = view({ ...BODY, leases });
    expect(text.slice(text.indexOf('Lease'))).toBe('Lease ab12: mvoice, 1 running, expires in 45.0 s\nLease cd34: comfyui, 2 running, ends with what runs\n');
  });

  test('marks a footprint that was measured, and warns below the table of one that is declared wrongly', () => {
    const learnt = { ...CONSUMER, name: 'tei', vram_budget_source: 'measured', vram_measured_mib: 2800 };
    const wrong = { ...CONSUMER, vram_budget_source: 'declared', vram_measured_mib: 3600, vram_warning: 'vram_resident_mib is 2800, but 3600 MiB were measured' };
    const text = view({ ...BODY, consumers: [wrong, learnt] });
    expect(text).toMatch(/^mvoice .* 2710\/2800 .*\ntei .* 2710\/~2800 .*\nmvoice: vram_resident_mib is 2800, but 3600 MiB were measured\n\nQueue/m);
  });

  test('says who works on something that came past the daemon', () => {
    expect(view({ ...BODY, consumers: [{ ...CONSUMER, external_work: true }] })).toContain('\nmvoice: works on something that did not come through the daemon\n');
    expect(view({ ...BODY, consumers: [{ ...CONSUMER, external_work: false }] })).toBe(view(BODY));
  });

  test('says why the history is not written, where one is kept', () => {
    expect(view({ ...BODY, history: { on: false, reason: 'the disk is full', dropped: 3 } })).toContain('\n\nThe history is not written: the disk is full\n');
    for (const history of [null, { on: true, reason: null, dropped: 0 }]) expect(view({ ...BODY, history })).not.toContain('history');
  });

  test('says that the daemon is draining and that a reload failed', () => {
    const text = view({ ...BODY, draining: true, config: { reload_error: 'c.yaml:1:1: a: expected x\nc.yaml:2:1: b: expected y' } });
    expect(text).toContain('shutting down and takes no new work');
    expect(text).toContain('was not reloaded:\n  c.yaml:1:1: a: expected x\n  c.yaml:2:1: b: expected y\n');
  });
});

describe('an ill consumer', () => {
  test.each([
    ['a unit', { last_error: 'timeout', systemd_unit: 'mvoice.service' }, 'timeout', 'systemctl --user restart mvoice.service'],
    ['a refused connection', { last_error: 'connect ECONNREFUSED 127.0.0.1:8766' }, 'connect ECONNREFUSED 127.0.0.1:8766', 'start it (nothing listens there), then check with: curl -i http://127.0.0.1:8766/'],
    ['a bad answer', { last_error: 'HTTP 500' }, 'HTTP 500', 'curl -i http://127.0.0.1:8766/'],
    ['a probe that is named', { last_error: 'GET /api/health: 500' }, 'GET /api/health: 500', 'curl -i http://127.0.0.1:8766/api/health'],
    ['a status that is named', { last_error: 'GET /api/health answered 404' }, 'GET /api/health answered 404', 'curl -i http://127.0.0.1:8766/api/health'],
    ['an odd path', { last_error: "GET /a?b=1&c='d: 500" }, "GET /a?b=1&c='d: 500", "curl -i 'http://127.0.0.1:8766/a?b=1&c='\\''d'"],
    ['an unknown name', { last_error: 'getaddrinfo ENOTFOUND gpu', url: 'http://gpu:1' }, 'getaddrinfo ENOTFOUND gpu', 'correct its url in the configuration: the name gpu is not known'],
    ['no word', {}, 'the daemon does not say why', 'curl -i http://127.0.0.1:8766/'],
  ])('with %s gets its error verbatim and a command that helps', (...[, more, error, advice]) => {
    expect(view(ill(more))).toContain(`\nmvoice is unhealthy: ${error}\n  Try: ${advice}\n`);
  });

  test('is no news where the broker itself stopped it', () => {
    const text = view(ill({ residency: 'absent', systemd_unit: 'mvoice.service', last_error: 'connect ECONNREFUSED' }));
    expect(text).toContain('mvoice is unloaded; the next request for it loads it.');
    expect(text).not.toContain('Try:');
  });

  test('is none while it is being loaded', () => {
    expect(view(ill({ residency: 'loading', systemd_unit: 'mvoice.service' }))).not.toMatch(/Try:|is unhealthy|is unloaded/);
  });

  test('cannot command the terminal with its error', () => {
    expect(view(ill({ last_error: 'a\u001b[2Jb' }))).toContain('is unhealthy: a [2Jb\n');
  });
});

describe('what is no status is none', () => {
  test.each([[null], [[]], ['x'], [{}], [{ consumers: [] }], [{ consumers: {}, scheduler: {} }]])('%j', (body) => {
    expect(readStatus(body)).toBeNull();
  });
});
