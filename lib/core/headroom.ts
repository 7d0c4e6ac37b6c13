import { heldMib, promiseMib } from './snapshot.ts';
import type { PlannedConsumer, Snapshot } from './snapshot.ts';

/** A resident consumer that uses at least this share of its footprint needs no more. */
const FULLY_USED = 0.9;

/** MiB that a consumer still has to get before it can work: 0 when resident, or when no footprint is declared. */
export function needMib(target: PlannedConsumer): number {
  const { footprintMib, usedMib, residency } = target;
  if (footprintMib === null) return 0;
  if (residency === 'resident' && (usedMib === null || usedMib >= FULLY_USED * footprintMib)) return 0;
  return Math.max(0, footprintMib - (usedMib ?? 0));
}

/** What must be free for a target to run: its need and the cushion, or nothing. MiB. */
export function requiredMib(target: PlannedConsumer, snapshot: Snapshot): number {
  const need = needMib(target);
  return need === 0 ? 0 : need + snapshot.cushionMib;
}

/** What a load of `target` may take. May be negative. MiB. */
export function headroomMib(target: PlannedConsumer, snapshot: Snapshot): number {
  const others = snapshot.consumers.filter((consumer) => consumer.name !== target.name);
  if (snapshot.freeMib === null) return declaredHeadroomMib(target, others, snapshot);
  return snapshot.freeMib - sum(others.map(promiseMib)) - snapshot.reservedMib;
}

/** The whole card as far as it is known: with neither a reading nor a setting, as large as its largest consumer needs. MiB. */
export function capacityMib(snapshot: Snapshot): number {
  if (snapshot.totalMib !== null) return snapshot.totalMib;
  const largest = Math.max(0, ...snapshot.consumers.map((consumer) => consumer.footprintMib ?? 0));
  return largest + snapshot.cushionMib + snapshot.reservedMib;
}

/** Without a reading the declared footprints alone decide. */
function declaredHeadroomMib(target: PlannedConsumer, others: readonly PlannedConsumer[], snapshot: Snapshot): number {
  const taken = others.filter((consumer) => consumer.residency !== 'absent' || consumer.promised || consumer.busy);
  return capacityMib(snapshot) - snapshot.reservedMib - sum(taken.map(heldMib)) - (target.usedMib ?? 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
