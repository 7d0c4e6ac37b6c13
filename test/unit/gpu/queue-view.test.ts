import { afterEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../lib/errors.ts';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';
import type { Asked } from '../../support/gate-bench.ts';

let bench: GateBench;
afterEach(() => bench.stop());

/** The parts of a report that tests read. */
interface Listed {
  readonly id: string;
  readonly request_id: string;
  readonly kind: string;
  readonly consumer: string;
  readonly client: string | null;
  readonly position: number;
  readonly admitting: boolean;
  readonly estimate: string;
  readonly estimated_wait_ms: number | null;
  readonly estimated_wait_range_ms: readonly number[] | null;
  readonly estimated_start: string | null;
  readonly will_evict: readonly object[];
  readonly held_by: readonly string[];
}
interface Report {
  readonly running: readonly (Listed & { readonly run_ms: number; readonly expected_ms: number | null })[];
  readonly waiting: readonly Listed[];
  readonly waiting_total: number;
  readonly paused: object | null;
}

/** As a client reads it. */
function report(): Report {
  return JSON.parse(JSON.stringify(bench.gate.queue.report()));
}

const ADMIN = { client: 'somebody', isOwnOnly: false };
const idOf = ({ ticket }: Asked): string => [...report().running, ...report().waiting].find((each) => each.request_id === ticket.request.id)?.id ?? 'none';

function refusal(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return error instanceof BrokerError ? error.kind.error : String(error);
  }
}

/** Lets the kept report grow old. */
const later = (): void => bench.clock.pass(250);

describe('the queue lists', () => {
  test('who runs and who waits, in the order of their turns', async () => {
    bench = new GateBench({ consumers: { a: {}, urgent: { priority: 4, ...HOOKS } } });
    bench.ask('a', { client: 'key one' });
    await bench.settled();
    bench.clock.pass(300);
    bench.ask('a', { client: 'key two' });
    bench.ask('urgent');
    bench.ask('urgent', { work: 'unload' });
    const { running, waiting, waiting_total: total, paused } = report();
    expect(running).toMatchObject([{ request_id: '0 exchange a', kind: 'exchange', consumer: 'a', client: 'key one', model: null, run_ms: 300, expected_ms: null }]);
    expect(waiting.map(({ position, kind, consumer, client }) => [position, kind, consumer, client])).toEqual([
      [1, 'unload', 'urgent', null],
      [2, 'exchange', 'urgent', null],
      [3, 'exchange', 'a', 'key two'],
    ]);
    expect([total, paused]).toEqual([3, null]);
    expect(new Set([...running, ...waiting].map(({ id }) => id)).size).toBe(4);
  });

  test('whom room is being made for as the first that waits', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.isSlow = true;
    bench.ask('a');
    await bench.settled();
    expect(report()).toMatchObject({ running: [], waiting: [{ position: 1, admitting: true }] });
  });

  test('whom the plan would unload for one that waits, once what runs has ended', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 6000, ...HOOKS }, b: { vram_resident_mib: 7000, ...HOOKS }, c: { vram_resident_mib: 1000, ...HOOKS } } });
    bench.absent('b');
    bench.card.poll();
    bench.ask('a');
    await bench.settled();
    bench.ask('b');
    bench.ask('a');
    expect(report().waiting.map((each) => each.will_evict)).toEqual([[{ consumer: 'a', frees_mib: 6000 }], []]);
  });

  test('whose work for others is in the way', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 6000, ...HOOKS }, b: { vram_resident_mib: 7000, ...HOOKS } } }).absent('b');
    bench.card.poll();
    bench.registry.working(bench.consumer('a'), true, bench.clock.now());
    bench.ask('b');
    await bench.settled();
    expect(report().waiting).toMatchObject([{ held_by: ['a'], will_evict: [], estimate: 'held', estimated_wait_ms: null }]);
  });

  test('no time before there is a history, and then one with its range', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const asked = ['a', 'a', 'a', 'a', 'a'].map((name) => bench.ask(name));
    await bench.settled();
    expect(report().waiting[0]).toMatchObject({ estimate: 'no history', estimated_start: null, estimated_wait_ms: null, estimated_wait_range_ms: null });
    for (const each of asked.slice(0, 3)) {
      bench.clock.pass(1000);
      each.release();
      await bench.settled();
    }
    const { running, waiting } = report();
    expect(running).toMatchObject([{ expected_ms: 1000 }]);
    expect(waiting).toMatchObject([{ estimate: 'measured', estimated_wait_ms: 1000, estimated_wait_range_ms: [1000, 1000] }]);
    expect(Date.parse(waiting[0]?.estimated_start ?? '') - bench.clock.wall().getTime()).toBe(1000);
  });

  test('the next 500 of many, and how many there are', () => {
    bench = new GateBench({ queue: { max_waiting: 1000 }, consumers: { a: {} } }, { isClosed: true });
    for (let count = 0; count < 600; count += 1) bench.ask('a');
    expect([report().waiting.length, report().waiting.at(-1)?.position, report().waiting_total]).toEqual([500, 500, 600]);
  });

  test('the same for a quarter of a second, as many may look', () => {
    bench = new GateBench({ consumers: { a: {} } }, { isClosed: true });
    const { queue } = bench.gate;
    const before = queue.report();
    bench.ask('a');
    bench.clock.pass(249);
    expect(queue.report()).toBe(before);
    bench.clock.pass(1);
    expect(report().waiting_total).toBe(1);
  });
});

describe('cancelling', () => {
  test('takes one that waits out at once, and leaves the others their places', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const [first, second, third] = [bench.ask('a'), bench.ask('a'), bench.ask('a')];
    await bench.settled();
    expect(bench.gate.queue.cancel(idOf(second), ADMIN)).toBe('waiting');
    expect(report().waiting.map((each) => each.request_id)).toEqual([third.ticket.request.id]);
    await bench.settled();
    expect(second.refusal).toMatchObject({ kind: { status: 503, error: 'cancelled', retryable: false }, details: { consumer: 'a' } });
    expect([first.state, third.state, bench.gate.statistics.waiting, bench.consumer('a').waiting]).toEqual(['granted', 'waiting', 1, 1]);
  });

  test('of one for whom a hook runs lets that hook end, and loads for nobody else', async () => {
    bench = new GateBench({ consumers: { a: { vram_resident_mib: 4000, ...HOOKS } } }).absent('a');
    bench.hooks.isSlow = true;
    const asked = bench.ask('a');
    await bench.settled();
    expect(bench.gate.queue.cancel(idOf(asked), ADMIN)).toBe('waiting');
    await bench.settled();
    expect([asked.refusal.kind.error, bench.hooks.underWay.length]).toEqual(['cancelled', 1]);
    bench.hooks.current.end();
    await bench.settled();
    expect(bench.gate.statistics).toMatchObject({ waiting: 0, running: 0 });
  });

  test('tells the holder of a lease, once, and the card is taken until it is given back', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const asked = bench.ask('a');
    await bench.settled();
    let told = 0;
    const lease = await asked.ticket.outcome;
    lease?.onCancel(() => (told += 1));
    const id = idOf(asked);
    expect([bench.gate.queue.cancel(id, ADMIN), bench.gate.queue.cancel(id, ADMIN)]).toEqual(['running', 'running']);
    expect([told, bench.gate.statistics.running]).toEqual([1, 1]);
    let isToldLate = false;
    lease?.onCancel(() => (isToldLate = true));
    expect(isToldLate).toBe(true);
  });

  test.each<[string, { readonly settings: object; readonly ids: readonly string[]; readonly told: readonly string[] }]>([
    ['jobs by their ids', { settings: { completion: { id: '/id', path: '/history/{id}', state: '/done' } }, ids: ['x', 'y'], told: ['a x', 'a y'] }],
    ['what has no id at all', { settings: { busy: { path: '/busy', pointer: '/n' } }, ids: [], told: ['a '] }],
  ])('what works on after its answer ends %s', async (_what, { settings, ids, told }) => {
    bench = new GateBench({ consumers: { a: { ...settings, cancel: [{ path: '/cancel' }] } } });
    const asked = bench.ask('a');
    await bench.settled();
    asked.lease?.release('served', { ids, isAbandoned: false, isCut: false });
    asked.state = 'released';
    await bench.settled();
    expect(bench.completion.cancelled).toEqual([]);
    expect(bench.gate.queue.cancel(idOf(asked), ADMIN)).toBe('running');
    expect(bench.completion.cancelled).toEqual(told);
    expect(bench.gate.statistics.running).toBe(1);
  });

  test('needs an id that is there now, of this run', async () => {
    bench = new GateBench({ consumers: { a: {} } });
    const asked = bench.ask('a');
    await bench.settled();
    const id = idOf(asked);
    asked.release();
    await bench.settled();
    later();
    const wrong = [id, `ffff${id}`, '0', '', 'x-0', '../queue', `${id}0`];
    expect(wrong.map((each) => refusal(() => bench.gate.queue.cancel(each, ADMIN)))).toEqual(wrong.map(() => 'not_in_queue'));
  });

  test('what others have asked for is refused to one that may cancel its own only', () => {
    bench = new GateBench({ consumers: { a: { ...HOOKS } } }, { isClosed: true });
    const [own, other, nobody] = [bench.ask('a', { client: 'key one' }), bench.ask('a', { client: 'key two' }), bench.ask('a', { work: 'unload' })];
    const by = { client: 'key one', isOwnOnly: true };
    expect([other, nobody].map((each) => refusal(() => bench.gate.queue.cancel(idOf(each), by)))).toEqual(['forbidden', 'forbidden']);
    expect(bench.gate.queue.cancel(idOf(own), by)).toBe('waiting');
    expect(bench.gate.statistics.waiting).toBe(2);
  });
});

/** Of the event loop, ms. Measured as CPU time, so that what else this machine does makes no difference. */
const LIMIT_MS = 50;

/** What it takes of the CPU, ms. */
function cost(act: () => unknown): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('ten thousand that wait are looked at in a moment, and by many as by one', async () => {
  bench = new GateBench({ queue: { max_waiting: 20_000, max_waiting_per_client: 20_000 }, consumers: { a: {}, b: {}, c: {}, d: { priority: 4 } } });
  for (const name of 'aabbccdd') {
    const asked = bench.ask(name);
    await bench.settled();
    bench.clock.pass(100);
    asked.release();
    await bench.settled();
  }
  for (let count = 0; count < 10_001; count += 1) bench.ask('abcd'[count % 4] ?? 'a', { client: `key ${count % 7}` });
  const costs = Array.from({ length: 5 }, () => {
    later();
    return cost(() => JSON.stringify(bench.gate.queue.report()));
  });
  expect(report()).toMatchObject({ waiting_total: 10_000 });
  expect(report().waiting.at(-1)?.estimated_wait_ms).toBeGreaterThan(0);
  expect(Math.min(...costs)).toBeLessThan(LIMIT_MS);
  expect(cost(() => Array.from({ length: 64 }, () => bench.gate.queue.report()))).toBeLessThan(LIMIT_MS);
});
