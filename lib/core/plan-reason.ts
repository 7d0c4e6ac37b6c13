import { holdersOf } from './holders.ts';
import type { Holder } from './holders.ts';
import type { Plan } from './plan.ts';
import type { Snapshot } from './snapshot.ts';

/** The plan in one sentence for people: what is needed, what is there, and what follows. */
export function explain(plan: Omit<Plan, 'reason'>, snapshot: Snapshot): string {
  const { consumer } = plan;
  if (plan.plan === 'fits') return fits(plan);
  const shortage = `${consumer} needs ${mib(plan.requiredMib)} with its cushion and ${available(plan)}`;
  switch (plan.plan) {
    case 'evict':
      return `${shortage}: ${plan.targets.map((target) => describe(target, snapshot)).join(' and ')} will be unloaded`;
    case 'wait':
      return `${shortage}: it waits for the running work of ${plan.busy.join(' and ')}`;
    case 'impossible':
      return plan.permanent
        ? `${shortage}: this card is too small for it`
        : `${shortage}: nothing more can be unloaded (${holders(snapshot, plan.consumer)})`;
  }
}

function fits(plan: Omit<Plan, 'reason'>): string {
  if (plan.requiredMib === 0) return `${plan.consumer} needs no further memory`;
  return `${plan.consumer} needs ${mib(plan.requiredMib)} with its cushion and ${available(plan)}`;
}

function available(plan: Omit<Plan, 'reason'>): string {
  const source = plan.freeMib === null ? ' by the declared footprints, as the card cannot be read' : '';
  return `${mib(Math.max(0, plan.headroomMib))} can be had${source}`;
}

function describe(target: Plan['targets'][number], snapshot: Snapshot): string {
  const consumer = snapshot.consumers.find((other) => other.name === target.consumer);
  const lastUsedAt = consumer?.lastUsedAt ?? null;
  const used = lastUsedAt === null ? 'not used yet' : `last used ${Math.round((snapshot.now - lastUsedAt) / 1000)} s ago`;
  return `${target.consumer} (${mib(target.freesMib)}, ${used})`;
}

function holders(snapshot: Snapshot, asking: string): string {
  const all = holdersOf(snapshot, asking).map((holder) => `${nameOf(holder)}: ${holder.mib === null ? 'unknown' : mib(holder.mib)}`);
  return all.length === 0 ? 'no holder is known' : all.join('; ');
}

function nameOf(holder: Holder): string {
  if ('consumer' in holder) return holder.consumer;
  const name = holder.name === null ? '' : ` ${holder.name}`;
  return `${holder.foreign ? 'foreign' : 'unknown'} process${name} pid ${holder.pid}`;
}

function mib(value: number): string {
  return `${Math.round(value)} MiB`;
}
