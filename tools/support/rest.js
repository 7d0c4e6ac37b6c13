import { setTimeout as delay } from 'node:timers/promises';

/** Descriptors that have not changed for so long stay; a pooled connection to a consumer is idle for less. */
const STEADY_MS = 6000;
/** What is not at rest by then never will be. Longest of ours: a lease of 2 s, a wait of 5 s. */
const LIMIT_MS = 45_000;

/**
 * Waits until nothing waits or runs and no descriptor comes or goes. Returns what there is then, at rest or not:
 * `{waiting, running, leases, descriptors, shown}`, the last for people.
 */
export async function atRest(daemon) {
  const limit = performance.now() + LIMIT_MS;
  let now = await restOf(daemon);
  let steadySince = performance.now();
  while (performance.now() < limit && (isBusy(now) || performance.now() - steadySince < STEADY_MS)) {
    await delay(200);
    const next = await restOf(daemon);
    if (next.descriptors !== now.descriptors || isBusy(next)) steadySince = performance.now();
    now = next;
  }
  return now;
}

/** Resolves when nothing waits or runs any more, or with what does when it never ends. */
export async function atZero(daemon) {
  const limit = performance.now() + LIMIT_MS;
  let now = await restOf(daemon);
  while (isBusy(now) && performance.now() < limit) {
    await delay(50);
    now = await restOf(daemon);
  }
  return now;
}

function isBusy({ waiting, running, leases }) {
  return waiting + running + leases > 0;
}

async function restOf(daemon) {
  const { consumers, scheduler, leases } = await daemon.status();
  const sum = (name) => consumers.reduce((total, consumer) => total + consumer[name], 0);
  return {
    waiting: Math.max(scheduler.queue_depth, sum('waiting')),
    running: Math.max(scheduler.in_flight, sum('running')),
    leases: leases.length,
    descriptors: daemon.descriptors(),
    shown: JSON.stringify({ scheduler, leases, consumers: consumers.filter(({ active, waiting }) => active + waiting > 0) }),
  };
}
