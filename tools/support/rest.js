import { setTimeout as delay } from 'node:timers/promises';

/** A pooled connection to a consumer, or of a client, is idle for less. */
const QUIET_MS = 6000;
/** Readings of the card and probes come and go at rest, too; for so long the least number of descriptors is looked for. */
const WATCHED_MS = 3000;
/** What is not at rest by then never will be. Longest of ours: a lease of 2 s, a wait of 5 s. */
const LIMIT_MS = 45_000;

const CENSUSES = 5;
/** By then what has piled up during a census has been worked off. */
const BETWEEN_CENSUSES_MS = 1500;

/**
 * Waits until nothing has waited or run for a while. Returns what there is then, at rest or not:
 * `{waiting, running, leases, descriptors, shown}`, the last for people.
 */
export async function atRest(daemon) {
  const limit = performance.now() + LIMIT_MS;
  let quietSince = performance.now();
  while (performance.now() < limit && performance.now() - quietSince < QUIET_MS) {
    if (isBusy(await restOf(daemon))) quietSince = performance.now();
    await delay(100);
  }
  return { ...(await restOf(daemon)), descriptors: await leastDescriptors(daemon) };
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

/** Resolves with how many descriptors are open when they are `most` or fewer, or when they never become so. */
export async function atDescriptors(daemon, most) {
  const limit = performance.now() + LIMIT_MS;
  while (daemon.descriptors() > most && performance.now() < limit) await delay(20);
  return daemon.descriptors();
}

/** The least number of descriptors seen in a while. */
export async function leastDescriptors(daemon, watchedMs = WATCHED_MS) {
  const until = performance.now() + watchedMs;
  let least = daemon.descriptors();
  while (performance.now() < until) {
    await delay(20);
    least = Math.min(least, daemon.descriptors());
  }
  return least;
}

/**
 * The least of up to five censuses, as a probe or a reading of the card that is under way has objects of its own; no more of them than
 * it takes to come down to `before`, if there is one.
 */
export async function leastCensus(daemon, before = null) {
  let least = await daemon.probe('census');
  for (let left = CENSUSES - 1; left > 0 && !(before !== null && isDownTo(before, least)); left -= 1) {
    await delay(BETWEEN_CENSUSES_MS);
    least = lesser(least, await daemon.probe('census'));
  }
  return least;
}

function isDownTo(before, now) {
  return Object.entries(now.objects).every(([name, count]) => count <= before.objects[name]);
}

function lesser(one, other) {
  const objects = Object.entries(other.objects).map(([name, count]) => [name, Math.min(count, one.objects[name])]);
  const [heapUsed, external] = ['heapUsed', 'external'].map((what) => Math.min(other[what], one[what]));
  return { ...other, objects: Object.fromEntries(objects), heapUsed, external };
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
    shown: JSON.stringify({ scheduler, leases, consumers: consumers.filter(({ active, waiting }) => active + waiting > 0) }),
  };
}
