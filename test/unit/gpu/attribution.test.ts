import { describe, expect, test } from '@jest/globals';
import { attribute } from '../../../lib/core/attribution.ts';
import type { GpuProcess } from '../../../lib/core/model.ts';
import type { Listener, LocalConsumer, PlacedProcess } from '../../../lib/core/attribution.ts';

const CLOSED: Listener = { state: 'closed' };
const HIDDEN: Listener = { state: 'hidden' };
const found = (...pids: number[]): Listener => ({ state: 'found', pids });

function consumer(name: string, listener: Listener, unit: string | null = null): LocalConsumer {
  return { name, listener, unit };
}

interface Place {
  readonly lineage?: readonly number[];
  readonly usedMib?: number | null;
  readonly cgroups?: readonly string[];
}

function placed(pid: number, { lineage = [pid], usedMib = 1000, cgroups = [] }: Place = {}): PlacedProcess {
  return { process: { pid, name: `p${pid}`, usedMib }, lineage, cgroups };
}

function pidOf({ pid }: GpuProcess): number {
  expect(pid).toBeGreaterThan(0);
  return pid;
}

/** Uses as an object, and the others by pid. */
function attributed(consumers: readonly LocalConsumer[], processes: readonly PlacedProcess[]): unknown {
  const { uses, foreign, unknownHolders } = attribute({ consumers, processes });
  return { uses: Object.fromEntries(uses), foreign: foreign.map(pidOf), unknown: unknownHolders.map(pidOf) };
}

test('a process belongs to the consumer on whose port it listens', () => {
  expect(attributed([consumer('tts', found(10)), consumer('stt', found(20))], [placed(10, { usedMib: 700 }), placed(20)])).toEqual({
    uses: { tts: 700, stt: 1000 },
    foreign: [],
    unknown: [],
  });
});

test('children of a listener count as the listener', () => {
  const processes = [placed(10, { usedMib: 100 }), placed(12, { lineage: [12, 11, 10, 5] })];
  expect(attributed([consumer('tts', found(10))], processes)).toEqual({ uses: { tts: 1100 }, foreign: [], unknown: [] });
});

test('the nearest listener wins: a consumer may have started another one', () => {
  const consumers = [consumer('manager', found(5)), consumer('tts', found(10))];
  expect(attributed(consumers, [placed(12, { lineage: [12, 10, 5] })])).toMatchObject({ uses: { manager: 0, tts: 1000 } });
});

test('a process that belongs to no consumer is foreign', () => {
  expect(attributed([consumer('tts', found(10)), consumer('stt', CLOSED)], [placed(10), placed(99)])).toEqual({
    uses: { tts: 1000, stt: 0 },
    foreign: [99],
    unknown: [],
  });
});

test('a consumer that nobody listens for uses nothing', () => {
  expect(attributed([consumer('tts', CLOSED)], [placed(99)])).toEqual({ uses: { tts: 0 }, foreign: [99], unknown: [] });
});

describe('a consumer whose listener is hidden', () => {
  test('has an unknown use, and what nobody owns may be its', () => {
    expect(attributed([consumer('tts', HIDDEN), consumer('stt', found(20))], [placed(20), placed(99)])).toEqual({
      uses: { tts: null, stt: 1000 },
      foreign: [],
      unknown: [99],
    });
  });

  test('is known by its unit', () => {
    const cgroups = ['user.slice', 'app.slice', 'tts.service'];
    expect(attributed([consumer('tts', HIDDEN, 'tts.service')], [placed(10, { cgroups }), placed(99)])).toEqual({
      uses: { tts: 1000 },
      foreign: [99],
      unknown: [],
    });
  });

  test('may run outside its unit, as a container does', () => {
    const cgroups = ['system.slice', 'docker-1.scope'];
    expect(attributed([consumer('tts', HIDDEN, 'tts.service')], [placed(10, { cgroups })])).toMatchObject({ uses: { tts: null }, unknown: [10] });
  });
});

test('a unit that has taken memory before it listens is counted', () => {
  expect(attributed([consumer('tts', CLOSED, 'tts.service')], [placed(10, { cgroups: ['tts.service'] })])).toMatchObject({ uses: { tts: 1000 } });
});

test('a unit is a whole segment of the path', () => {
  expect(attributed([consumer('tts', CLOSED, 'tts.service')], [placed(10, { cgroups: ['my-tts.service'] })])).toMatchObject({ uses: { tts: 0 }, foreign: [10] });
});

test('a listener counts for more than a unit', () => {
  const consumers = [consumer('tts', found(10)), consumer('stt', CLOSED, 'both.service')];
  expect(attributed(consumers, [placed(10, { cgroups: ['both.service'] })])).toMatchObject({ uses: { tts: 1000, stt: 0 } });
});

test('a use that the driver does not tell makes its consumer unknown, and nothing else', () => {
  const processes = [placed(10, { usedMib: 5 }), placed(11, { lineage: [11, 10], usedMib: null }), placed(99)];
  expect(attributed([consumer('tts', found(10))], processes)).toEqual({ uses: { tts: null }, foreign: [99], unknown: [] });
});

test('a use that the driver does not tell is not forgotten over one that it tells', () => {
  const processes = [placed(10, { usedMib: null }), placed(11, { lineage: [11, 10], usedMib: 5 })];
  expect(attributed([consumer('tts', found(10))], processes)).toEqual({ uses: { tts: null }, foreign: [], unknown: [] });
});

test('a consumer that listens and has no process on the card uses nothing, and what others have is foreign', () => {
  expect(attributed([consumer('tts', found(10))], [placed(99)])).toEqual({ uses: { tts: 0 }, foreign: [99], unknown: [] });
});

test('a process of another pid namespace that its unit explains hides nothing of another consumer', () => {
  const consumers = [consumer('tts', found(10)), consumer('stt', HIDDEN, 'stt.service')];
  expect(attributed(consumers, [placed(20, { lineage: [], cgroups: ['stt.service'] })])).toEqual({ uses: { tts: 0, stt: 1000 }, foreign: [], unknown: [] });
});

test('a process shared by two consumers leaves both unknown and is no foreigner', () => {
  const consumers = [consumer('tts', found(10)), consumer('stt', found(10))];
  expect(attributed(consumers, [placed(10), placed(99)])).toEqual({ uses: { tts: null, stt: null }, foreign: [99], unknown: [10] });
});

describe('a process whose pid says nothing here', () => {
  test('may belong to a consumer that has none so far', () => {
    const consumers = [consumer('tts', found(10)), consumer('stt', found(20)), consumer('llm', CLOSED)];
    expect(attributed(consumers, [placed(20), placed(99, { lineage: [] })])).toEqual({
      uses: { tts: null, stt: 1000, llm: 0 },
      foreign: [],
      unknown: [99],
    });
  });

  test('is foreign when every consumer is accounted for', () => {
    expect(attributed([consumer('llm', CLOSED)], [placed(99, { lineage: [] })])).toMatchObject({ foreign: [99], unknown: [] });
  });
});

test('without consumers everything is foreign', () => {
  expect(attributed([], [placed(99)])).toEqual({ uses: {}, foreign: [99], unknown: [] });
});
