import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { capacityMib, headroomMib, needMib } from '../../../lib/core/headroom.ts';
import { planFor } from '../../../lib/core/plan.ts';
import type { Plan } from '../../../lib/core/plan.ts';
import { freeableMib } from '../../../lib/core/snapshot.ts';
import type { PlannedConsumer, Snapshot } from '../../../lib/core/snapshot.ts';
import { cases } from '../../support/cases.ts';

const NAMES = ['t', 'a', 'b', 'c', 'd', 'e'] as const;
/** Few and round sizes, so that sums meet the limits exactly now and then. */
const mib = fc.oneof(fc.integer({ min: 0, max: 8 }).map((steps) => steps * 1000), fc.integer({ min: 0, max: 8000 }));
const rarely = fc.integer({ min: 0, max: 7 }).map((roll) => roll === 0);
const usually = rarely.map((is) => !is);

function consumerNamed(name: string): fc.Arbitrary<PlannedConsumer> {
  return fc.record({
    name: fc.constant(name),
    footprintMib: fc.option(mib, { freq: 6 }),
    residualMib: fc.constantFrom(0, 0, 0, 500),
    usedMib: fc.option(mib, { freq: 1 }),
    shownMib: fc.option(mib, { freq: 1 }),
    residency: fc.constantFrom('resident', 'resident', 'resident', 'resident', 'resident', 'absent', 'absent', 'unknown', 'loading', 'unloading'),
    busy: fc.integer({ min: 0, max: 3 }).map((roll) => roll === 0),
    vramManaged: rarely,
    hasUnload: usually,
    coexistsWith: fc.subarray([...NAMES], { maxLength: 1 }),
    lastUsedAt: fc.option(fc.integer({ min: 0, max: 5 })),
    promised: rarely,
  });
}

/** One that is to be admitted; now and then it has its weights already. */
function mostlyAbsent(target: PlannedConsumer): PlannedConsumer {
  const isLoaded = target.busy && target.residency === 'resident';
  return isLoaded ? target : { ...target, residency: 'absent', usedMib: target.promised ? target.usedMib : null };
}

const processes = fc.array(fc.record({ pid: fc.nat(), name: fc.option(fc.string()), usedMib: fc.option(mib) }), { maxLength: 2 });

const snapshots: fc.Arbitrary<Snapshot> = fc.record({
  now: fc.constant(10),
  freeMib: fc.option(fc.oneof(mib, fc.integer({ min: 0, max: 3 }).map((steps) => steps * 500)), { freq: 6 }),
  totalMib: fc.option(fc.integer({ min: 7, max: 20 }).map((steps) => steps * 1000), { freq: 6 }),
  reservedMib: fc.constantFrom(0, 0, 500, 1000),
  cushionMib: fc.constantFrom(0, 256, 1000),
  consumers: fc
    .tuple(consumerNamed('t').map(mostlyAbsent), fc.subarray(NAMES.slice(1), { minLength: 1 }))
    .chain(([t, names]) => fc.tuple(...names.map(consumerNamed)).map((others) => [t, ...others])),
  foreign: processes,
  unknownHolders: processes,
});

const excluded = fc.subarray(NAMES.slice(1), { maxLength: 2 }).map((names) => new Set<string>(names));

/** A case: everything that a plan is made of, and the plan. */
interface Case {
  readonly snapshot: Snapshot;
  readonly excluded: ReadonlySet<string>;
  readonly target: PlannedConsumer;
  readonly plan: Plan;
}

function always(holds: (each: Case) => void): void {
  fc.assert(
    fc.property(snapshots, excluded, (snapshot, excludedNames) => {
      const target = byName(snapshot, 't');
      holds({ snapshot, excluded: excludedNames, target, plan: planFor('t', snapshot, excludedNames) });
    }),
    { numRuns: cases(3000) },
  );
}

function byName({ consumers }: Snapshot, name: string): PlannedConsumer {
  const consumer = consumers.find((each) => each.name === name);
  if (consumer === undefined) throw new Error(`no ${name} in the snapshot`);
  return consumer;
}

function held(snapshot: Snapshot, names: Iterable<string>): number {
  return [...names].reduce((sum, name) => sum + freeableMib(byName(snapshot, name)), 0);
}

function missingMib({ plan }: Case): number {
  return plan.requiredMib - plan.headroomMib;
}

/** By the words of the rule, not by the code: who may be unloaded for the target once its work has ended. */
function mayEverGo({ snapshot, excluded: failed, target }: Case): PlannedConsumer[] {
  return snapshot.consumers.filter((each) => {
    if (each === target || target.coexistsWith.includes(each.name) || failed.has(each.name)) return false;
    return each.hasUnload && !each.vramManaged;
  });
}

function mayGoNow(each: Case): PlannedConsumer[] {
  return mayEverGo(each).filter(({ busy, residency }) => !busy && (residency === 'resident' || residency === 'unknown'));
}

/** Never used first, then by age, then by name. */
function isOlder(a: PlannedConsumer, b: PlannedConsumer): boolean {
  const [first, second] = [a.lastUsedAt ?? -1, b.lastUsedAt ?? -1];
  return first === second ? a.name < b.name : first < second;
}

function targetNames({ plan }: Case): string[] {
  return plan.targets.map(({ consumer }) => consumer);
}

describe('whatever the state of the card', () => {
  test('a plan is made', () => {
    always(({ plan }) => {
      expect(plan.reason).not.toBe('');
      expect([plan.requiredMib, plan.headroomMib].every(Number.isFinite)).toBe(true);
    });
  });

  test('only an eviction has targets, and only a wait names busy ones', () => {
    always(({ plan }) => {
      expect(plan.targets.length > 0).toBe(plan.plan === 'evict');
      expect(plan.busy.length > 0).toBe(plan.plan === 'wait');
    });
  });

  test('a target is another one, loaded, idle, not excluded, and may be unloaded for it', () => {
    always((each) => {
      const allowed = mayGoNow(each).map(({ name }) => name);
      expect(targetNames(each).filter((name) => !allowed.includes(name))).toEqual([]);
    });
  });

  test('it fits exactly if it needs nothing, or the need and the cushion are within what a load may take', () => {
    always(({ plan, target, snapshot }) => {
      const need = needMib(target);
      expect(plan.plan === 'fits').toBe(need === 0 || need + snapshot.cushionMib <= headroomMib(target, snapshot));
    });
  });
});

describe('the targets of an eviction', () => {
  test('suffice together, and none of them can be spared', () => {
    always((each) => {
      if (each.plan.plan !== 'evict') return;
      const names = targetNames(each);
      expect(held(each.snapshot, names)).toBeGreaterThanOrEqual(missingMib(each));
      for (const name of names) expect(held(each.snapshot, names.filter((other) => other !== name))).toBeLessThan(missingMib(each));
    });
  });

  test('suffice also when they are really gone', () => {
    always((each) => {
      if (each.plan.plan !== 'evict') return;
      const names = new Set(targetNames(each));
      const freed = held(each.snapshot, [...names].filter((name) => !byName(each.snapshot, name).promised));
      const shownFree = [...names].filter((name) => byName(each.snapshot, name).promised).reduce((sum, name) => sum + (byName(each.snapshot, name).usedMib ?? byName(each.snapshot, name).shownMib ?? 0), 0);
      const consumers = each.snapshot.consumers.map((consumer) =>
        names.has(consumer.name) ? { ...consumer, residency: 'absent' as const, promised: false, usedMib: 0 } : consumer,
      );
      const freeMib = each.snapshot.freeMib === null ? null : each.snapshot.freeMib + freed + shownFree;
      expect(planFor('t', { ...each.snapshot, consumers, freeMib }, each.excluded).plan).toBe('fits');
    });
  });

  test('are no younger than they must be: with all older ones but not this one, it would not fit', () => {
    always((each) => {
      for (const name of targetNames(each)) {
        const chosen = byName(each.snapshot, name);
        const older = mayGoNow(each).filter((other) => other !== chosen && isOlder(other, chosen));
        expect(held(each.snapshot, older.map((other) => other.name))).toBeLessThan(missingMib(each));
      }
    });
  });

  test('are unloaded in the order in which they were last used', () => {
    always((each) => {
      const chosen = targetNames(each).map((name) => byName(each.snapshot, name));
      for (const [index, consumer] of chosen.entries()) {
        const next = chosen[index + 1];
        if (next !== undefined) expect(isOlder(consumer, next)).toBe(true);
      }
    });
  });
});

describe('where unloading cannot help', () => {
  test('nobody is unloaded: an eviction is planned exactly if all idle ones together suffice', () => {
    always((each) => {
      if (each.plan.plan === 'fits' || each.plan.permanent) return;
      const all = held(each.snapshot, mayGoNow(each).map(({ name }) => name));
      expect(each.plan.plan === 'evict').toBe(all >= missingMib(each));
    });
  });

  test('it waits exactly if busy ones would do, and names all of those that would help', () => {
    always((each) => {
      if (each.plan.plan === 'fits' || each.plan.plan === 'evict' || each.plan.permanent) return;
      const busy = mayEverGo(each).filter((other) => other.busy && freeableMib(other) > 0).map(({ name }) => name);
      const idle = mayGoNow(each).map(({ name }) => name);
      const isGrowing = busy.some((name) => byName(each.snapshot, name).promised);
      const wouldDo = held(each.snapshot, [...idle, ...busy]) >= missingMib(each);
      expect(each.plan.plan).toBe(wouldDo || isGrowing ? 'wait' : 'impossible');
      if (each.plan.plan === 'wait') expect([...each.plan.busy].toSorted()).toEqual(busy.toSorted());
    });
  });

  test('it is impossible for good exactly if it would not fit on an empty card', () => {
    always(({ plan, target, snapshot }) => {
      const needed = (target.footprintMib ?? 0) + snapshot.cushionMib;
      const isTooLarge = needed > capacityMib(snapshot) - snapshot.reservedMib;
      expect(plan.permanent).toBe(plan.plan !== 'fits' && isTooLarge);
      if (plan.permanent) expect(plan.plan).toBe('impossible');
    });
  });
});

describe('more free memory', () => {
  test('never turns what fits into something else, and never makes the headroom smaller', () => {
    fc.assert(
      fc.property(snapshots, mib, (snapshot, moreMib) => {
        if (snapshot.freeMib === null) return;
        const roomier = { ...snapshot, freeMib: snapshot.freeMib + moreMib };
        const [before, after] = [planFor('t', snapshot), planFor('t', roomier)];
        expect(after.headroomMib).toBe(before.headroomMib + moreMib);
        if (before.plan === 'fits') expect(after.plan).toBe('fits');
        if (before.plan === 'evict') expect(['fits', 'evict']).toContain(after.plan);
        if (before.plan === 'wait') expect(['fits', 'evict', 'wait']).toContain(after.plan);
      }),
      { numRuns: cases(3000) },
    );
  });
});

describe('when the card cannot be read', () => {
  test('what is free plays no part: the same footprints give the same plan', () => {
    always(({ snapshot, excluded: failed }) => {
      const unread = { ...snapshot, freeMib: null, consumers: snapshot.consumers.map((each) => ({ ...each, usedMib: null })) };
      const plan = planFor('t', unread, failed);
      expect(plan.freeMib).toBeNull();
      const taken = unread.consumers.filter(({ name, residency, busy, promised }) => name !== 't' && (residency !== 'absent' || busy || promised));
      const footprints = taken.reduce((sum, each) => sum + (each.footprintMib ?? 0), 0);
      expect(plan.headroomMib).toBe(capacityMib(unread) - unread.reservedMib - footprints);
    });
  });
});

describe('two admissions in a row', () => {
  test('never spend the same headroom: what the first was let in with is promised until a sample shows it', () => {
    const two = fc.tuple(consumerNamed('t'), consumerNamed('a')).map(([t, a]) => {
      const quiet = { residency: 'absent', usedMib: null, shownMib: null, busy: false, promised: false } as const;
      return [{ ...t, ...quiet }, { ...a, ...quiet }] as const;
    });
    fc.assert(
      fc.property(snapshots, two, ({ freeMib, ...rest }, [t, a]) => {
        if (freeMib === null) return;
        const before = { ...rest, freeMib, consumers: [t, a] };
        if (planFor('t', before).plan !== 'fits') return;
        const after = { ...before, consumers: [{ ...t, residency: 'resident' as const, busy: true, promised: true }, a] };
        if (planFor('a', after).plan !== 'fits' || needMib(t) === 0 || needMib(a) === 0) return;
        expect(needMib(t) + needMib(a)).toBeLessThanOrEqual(freeMib - rest.reservedMib);
      }),
      { numRuns: cases(3000) },
    );
  });
});

test('the cases are not all of one sort', () => {
  const seen = new Map<string, number>();
  always(({ plan: { plan, targets } }) => {
    for (const kind of targets.length > 1 ? [plan, 'several'] : [plan]) seen.set(kind, (seen.get(kind) ?? 0) + 1);
  });
  for (const kind of ['fits', 'evict', 'several', 'wait', 'impossible']) expect(seen.get(kind) ?? 0).toBeGreaterThan(cases(3000) / 400);
});
