import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { planFor } from '../../../lib/core/plan.ts';
import { Evictor } from '../../../lib/gpu/evictor.ts';
import { FakeWitness } from '../../support/fake-witness.ts';
import { GateBench, HOOKS } from '../../support/gate-bench.ts';

let bench: GateBench;
let evictor: Evictor;

beforeEach(() => {
  const sized = { vram_resident_mib: 4000, ...HOOKS };
  bench = new GateBench({ consumers: { a: sized, b: sized } }, { totalMib: 6000 }).absent('b');
  const { clock, logger, completion, registry, hooks, card } = bench;
  evictor = new Evictor({ clock, logger, completion, consumers: registry, hooks, samples: card, events: new FakeWitness() });
});

afterEach(() => bench.stop());

/** Asks for the unloading of `consumer`, as a plan for `b` would that was made with other facts. */
function evict(consumer: string) {
  const { ticket } = bench.ask('b');
  const plan = planFor('b', bench.registry.snapshot(bench.config, null));
  return evictor.evict({ consumer, freesMib: 4000 }, { plan, ticket, before: null });
}

describe('whatever a plan says', () => {
  test('a consumer with running work is not unloaded, nor asked anything', async () => {
    bench.ask('a');
    expect(await evict('a')).toBe('failed');
    expect([bench.hooks.looks, bench.hooks.begun, evictor.count]).toEqual([[], [], 0]);
  });

  test('one that does not exist is not unloaded', async () => {
    bench.ask('a');
    expect(await evict('c')).toBe('failed');
    expect(evictor.count).toBe(0);
  });
});
