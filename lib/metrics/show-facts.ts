import type { Sample } from '../core/model.ts';
import { unattributedMib } from '../core/status.ts';
import type { ConsumerFacts, StatusFacts } from '../core/status.ts';
import { consumerLabel } from './labels.ts';
import type { Meters } from './meters.ts';
import type { Tally } from './tally.ts';

const BYTES_PER_MIB = 2 ** 20;
const STATES = ['absent', 'loading', 'resident', 'unloading', 'unknown'] as const;

/** What a scrape reads beside the status. */
export interface Facts extends StatusFacts {
  /** Event streams that are open, and how many were cut so far. */
  readonly watchers: { readonly count: number; readonly cut: number };
}

/** Where it is shown. Some counters are kept by those who count, and only written down here. */
interface Shown {
  readonly meters: Meters;
  readonly tally: Tally;
}

/** Sets what is true at one moment. Nothing of an earlier moment stays: what is not known is missing. */
export function showFacts({ meters, tally }: Shown, facts: Facts): void {
  meters.clear();
  tally.reset('probes');
  tally.reset('watchersCut');
  showBroker({ meters, tally }, facts);
  showCard(meters, facts);
  const { consumers: configured } = facts.config;
  for (const consumer of facts.consumers) if (configured.has(consumer.name)) showConsumer({ meters, tally }, consumer);
  showWork(meters, facts);
}

function showBroker({ meters, tally }: Shown, facts: Facts): void {
  const { scheduler, process: own } = facts;
  meters.set('buildInfo', { version: facts.version, node: process.versions.node }, 1);
  meters.set('oldestWait', {}, (scheduler.oldestWaitMs ?? 0) / 1000);
  meters.set('leases', {}, facts.leases.length);
  meters.set('paused', {}, Number(facts.paused !== null));
  meters.set('draining', {}, Number(facts.isDraining));
  meters.set('loopP99', {}, own.eventLoop.p99Ms / 1000);
  meters.set('loopMax', {}, own.eventLoop.maxMs / 1000);
  meters.set('connections', {}, own.openConnections);
  meters.set('watchers', {}, facts.watchers.count);
  tally.count('watchersCut', {}, facts.watchers.cut);
  meters.set('configGood', {}, Number(facts.reloadError === null));
}

function showConsumer({ meters, tally }: Shown, { name: consumer, health, residency, canLoad, isWorkingForOthers, probes, probeMs }: ConsumerFacts): void {
  if (health.state !== 'unknown') meters.set('up', { consumer }, Number(health.state === 'healthy'));
  meters.set('loadable', { consumer }, Number(canLoad));
  for (const state of STATES) meters.set('residency', { consumer, state }, Number(state === residency));
  meters.set('externalWork', { consumer }, Number(isWorkingForOthers));
  for (const [result, count] of Object.entries(probes)) tally.count('probes', { consumer, result }, count);
  if (probeMs !== null) meters.set('probeSeconds', { consumer }, probeMs / 1000);
}

/** Those that a reload took out and that still work are added up as one. */
function showWork(meters: Meters, { consumers, config, reading }: Facts): void {
  const sums = new Map<string, { running: number; waiting: number; usedMib: number | null }>();
  for (const { name, running, waiting, use } of consumers) {
    const label = consumerLabel(name, config.consumers);
    const sum = sums.get(label) ?? { running: 0, waiting: 0, usedMib: null };
    const usedMib = use === null ? sum.usedMib : (sum.usedMib ?? 0) + use.mib;
    sums.set(label, { running: sum.running + running, waiting: sum.waiting + waiting, usedMib });
  }
  const uuid = uuidOf(reading?.ok === true ? reading.sample : null);
  for (const [consumer, { running, waiting, usedMib }] of sums) {
    meters.set('running', { consumer }, running);
    meters.set('waiting', { consumer }, waiting);
    if (usedMib !== null) meters.set('gpuUsed', { uuid, consumer }, usedMib * BYTES_PER_MIB);
  }
}

function showCard(meters: Meters, { reading, config }: Facts): void {
  const sample = reading?.ok === true ? reading.sample : null;
  const uuid = uuidOf(sample);
  const show = (key: 'gpuTotal' | 'gpuFree' | 'gpuForeign' | 'gpuUnattributed', mib: number | null): void => {
    if (mib !== null) meters.set(key, { uuid }, mib * BYTES_PER_MIB);
  };
  meters.set('gpuReadable', {}, Number(sample !== null));
  show('gpuTotal', sample?.totalMib ?? config.gpu.total_mib ?? null);
  if (sample === null) return;
  meters.set('gpuInfo', { uuid, name: sample.name ?? 'unknown' }, 1);
  show('gpuFree', sample.freeMib);
  show('gpuForeign', foreignMib(sample));
  show('gpuUnattributed', unattributedMib(sample));
}

function uuidOf(sample: Sample | null): string {
  return sample?.uuid ?? 'unknown';
}

/** null: it is not known of each process how much it has. */
function foreignMib({ attribution }: Sample): number | null {
  const known = attribution?.foreign.map(({ usedMib }) => usedMib) ?? [null];
  return known.includes(null) ? null : known.reduce<number>((total, mib) => total + (mib ?? 0), 0);
}
