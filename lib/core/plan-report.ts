import type { Plan } from './plan.ts';

/** The body of `GET /v1/plan`. Memory in whole MiB; null: not known. */
export function planReport(plan: Plan): Record<string, unknown> {
  return {
    consumer: plan.consumer,
    plan: plan.plan,
    required_mib: Math.round(plan.requiredMib),
    headroom_mib: Math.round(plan.headroomMib),
    free_mib: plan.freeMib,
    targets: plan.targets.map(({ consumer, freesMib }) => ({ consumer, frees_mib: Math.round(freesMib) })),
    busy: plan.busy,
    foreign: plan.foreign.map(({ pid, name, usedMib }) => ({ pid, name, mib: usedMib })),
    reason: plan.reason,
  };
}
