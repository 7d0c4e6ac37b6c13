import type { Clock } from '../clock.ts';
import type { Config, ConsumerConfig } from '../config/types.ts';
import { needMib } from '../core/headroom.ts';
import { consumerDown } from '../core/admissible.ts';
import type { Witness } from '../core/events.ts';
import { nextHealth } from '../core/health.ts';
import type { Probe } from '../core/health.ts';
import { residencyAfterJob, residencyAfterProbe } from '../core/residency.ts';
import type { JobReach, ResidencyNews } from '../core/residency.ts';
import type { PlannedConsumer, Snapshot } from '../core/snapshot.ts';
import type { Residency, Sample } from '../core/model.ts';
import type { Logger } from '../logger.ts';
import { ConsumerState } from './consumer-state.ts';
import { knownUse, newSaidResidueMib, reckonedUseMib, saidMarks, sampleNews } from './observation.ts';
import type { KnownUse } from './observation.ts';

/** What the registry works with. */
export interface RegistryServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: Witness;
}

/** All consumers. The only owner of their mutable state: whoever learns something tells the registry. */
export class Registry {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: Witness;
  #consumers = new Map<string, ConsumerState>();
  /** The same, sorted by name once per configuration. */
  #sorted: ConsumerState[] = [];
  #retired = new Set<ConsumerState>();
  #lastSample: Sample | null = null;
  #listeners = new Set<() => void>();

  constructor({ clock, logger, events }: RegistryServices) {
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
  }

  /** Calls back whenever something has changed that a waiting request may wait for. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Takes a new configuration. A consumer whose address stays keeps its state; one that is gone, or that moved, is retired:
   * it stays until its work has ended, so that its memory stays accounted for. Returns the retired ones.
   */
  reconfigure(config: Config): ConsumerState[] {
    const before = this.#consumers;
    this.#consumers = new Map([...config.consumers.values()].map((each) => [each.name, this.#stateFor(each, before.get(each.name))]));
    this.#sorted = [...this.#consumers.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const kept = new Set(this.#sorted);
    const retired = [...before.values()].filter((consumer) => !kept.has(consumer));
    for (const consumer of retired) this.#retire(consumer);
    this.#changed();
    return retired;
  }

  /** Drops a retired consumer for good. */
  forget(consumer: ConsumerState): void {
    this.#retired.delete(consumer);
  }

  /** A consumer of the newest configuration. */
  current(name: string): ConsumerState | null {
    return this.#consumers.get(name) ?? null;
  }

  /** The consumers of the newest configuration, by name. */
  all(): ConsumerState[] {
    return this.#sorted;
  }

  /** Also those that a reload has retired and whose work goes on; the current ones first. */
  everyone(): ConsumerState[] {
    return [...this.all(), ...this.#retired];
  }

  /** Any consumer by the name that snapshots give it. */
  byName(name: string): ConsumerState | null {
    return this.#consumers.get(name) ?? [...this.#retired].find((consumer) => consumer.name === name) ?? null;
  }

  /** The newest sample, for attribution. */
  sampled(sample: Sample): void {
    this.#lastSample = sample;
    for (const consumer of this.everyone()) {
      if (consumer.promisedUntil === 'sample' && sample.startedAt >= consumer.lastActionAt) consumer.promisedUntil = null;
      this.#learn(consumer, sample);
    }
  }

  /** It was asked just now, and works on something that did not come through us, or not. `startedAt` is monotonic, ms. */
  working(consumer: ConsumerState, isWorking: boolean, startedAt: number): void {
    consumer.working = { isWorking, startedAt };
  }

  /** Its first probe has been under way for so long that its requests are no longer held back for it. */
  settleFirstProbe(consumer: ConsumerState): void {
    if (consumer.firstProbeSettled) return;
    consumer.firstProbeSettled = true;
    this.#changed();
  }

  probed(consumer: ConsumerState, probe: Probe): void {
    const { outcome } = probe;
    const before = consumer.health;
    consumer.healthRecord = nextHealth(consumer.healthRecord, outcome, consumer.running > 0);
    if (outcome.type === 'good' && probe.startedAt >= consumer.saidSince) consumer.saidLeftMib = newSaidResidueMib(consumer, outcome.report) ?? consumer.saidLeftMib;
    const { residency, saidSince: lastActionAt, wasRefused } = consumer;
    const news = residencyAfterProbe({ residency, lastActionAt, wasRefused, ...saidMarks(consumer) }, probe, consumer.config);
    this.#believe(consumer, news, `probe: ${outcome.type}`);
    if (residency !== 'absent' && consumer.residency === 'absent') consumer.foundAbsentAt = this.#clock.now();
    consumer.wasRefused = outcome.type === 'refused';
    consumer.lastProbeAt = this.#clock.wall();
    consumer.probes[outcome.type] += 1;
    consumer.lastError = outcome.type === 'good' ? null : outcome.error;
    if (outcome.type === 'good') consumer.report = { ...outcome.report, startedAt: probe.startedAt, endedAt: this.#clock.now() };
    // Nobody listens there any more, so that what it last said of its memory is past.
    else if (outcome.type === 'refused') consumer.report = null;
    if (outcome.type !== 'timeout' && outcome.type !== 'unheard') this.working(consumer, probe.isWorking === true, probe.startedAt);
    if (before.state !== consumer.health.state) this.#tellHealth(consumer, before.state);
    consumer.firstProbeSettled = true;
    this.#changed();
  }

  waiting(consumer: ConsumerState, change: 1 | -1): void {
    consumer.waiting += change;
    if (consumer.retired) this.#changed();
  }

  admitted(consumer: ConsumerState): void {
    consumer.busy += 1;
  }

  /** What it still needs it takes while it works; until it has, nobody else may be let in with that. */
  granted(consumer: ConsumerState): void {
    consumer.running += 1;
    consumer.totalRequests += 1;
    if (this.needMib(consumer) > 0) consumer.promisedUntil = 'job';
  }

  finished(consumer: ConsumerState, reach: JobReach, wasGranted: boolean): void {
    consumer.busy -= 1;
    if (!wasGranted) return;
    consumer.running -= 1;
    this.#endPromise(consumer, reach);
    if (reach === 'not_sent') return;
    consumer.lastActionAt = this.#clock.now();
    consumer.lastUsedAt = consumer.lastActionAt;
    consumer.lastUsedWall = this.#clock.wall();
    this.#did(consumer, residencyAfterJob(consumer.residency, reach), 'after a job');
    if (consumer.retired) this.#changed();
  }

  loading(consumer: ConsumerState): void {
    this.#did(consumer, 'loading', 'load hook');
  }

  loaded(consumer: ConsumerState, isLoaded: boolean): void {
    consumer.lastActionAt = this.#clock.now();
    consumer.promisedUntil = isLoaded ? 'sample' : null;
    this.#did(consumer, isLoaded ? 'resident' : 'unknown', isLoaded ? 'loaded' : 'load failed');
  }

  unloading(consumer: ConsumerState): void {
    this.#did(consumer, 'unloading', 'unload hook');
  }

  unloaded(consumer: ConsumerState, { isFreed, hookEndedAt }: { readonly isFreed: boolean; readonly hookEndedAt: number }): void {
    consumer.lastActionAt = hookEndedAt;
    consumer.settledAt = this.#clock.now();
    consumer.promisedUntil = null;
    consumer.leftMib = null;
    consumer.saidLeftMib = null;
    this.#did(consumer, isFreed ? 'absent' : 'unknown', isFreed ? 'unloaded' : 'unload failed or freed too little');
  }

  /** End of the latest load, unload or job, or when one was found to have left the card by itself, monotonic ms. */
  lastActionAt(): number {
    return Math.max(...this.everyone().flatMap(({ lastActionAt, foundAbsentAt }) => [lastActionAt, foundAbsentAt]));
  }

  /** The planner's input right now; `sample` null: the free memory is not known. */
  snapshot(config: Config, sample: Sample | null): Snapshot {
    const attribution = (sample ?? this.#lastSample)?.attribution;
    return {
      now: this.#clock.now(),
      freeMib: sample?.freeMib ?? null,
      totalMib: (sample ?? this.#lastSample)?.totalMib ?? config.gpu.total_mib ?? null,
      reservedMib: config.gpu.reserved_mib,
      cushionMib: config.gpu.cushion_mib,
      consumers: this.everyone().map((consumer) => this.#planned(consumer, sample)),
      foreign: attribution?.foreign ?? [],
      unknownHolders: attribution?.unknownHolders ?? [],
    };
  }

  /** MiB that a consumer still has to get before it can work. Asked for each request, so it looks at this one only. */
  needMib(consumer: ConsumerState): number {
    return needMib(this.#planned(consumer, null));
  }

  /** Measured use: the consumer's own word, else its processes on the card; null: neither is newer than our last action. */
  use(consumer: ConsumerState, sample: Sample | null = this.#lastSample): KnownUse | null {
    return knownUse(consumer, sample);
  }

  #planned(consumer: ConsumerState, sample: Sample | null): PlannedConsumer {
    const { config } = consumer;
    return {
      name: consumer.name,
      footprintMib: consumer.footprintMib,
      residualMib: consumer.residualMib,
      usedMib: reckonedUseMib(consumer, sample ?? this.#lastSample),
      shownMib: sample?.attribution?.uses.get(consumer.name) ?? null,
      residency: consumer.residency,
      busy: consumer.busy > 0 || consumer.isWorkingForOthers || consumer.residency === 'loading' || consumer.residency === 'unloading',
      vramManaged: config.vram_managed,
      hasUnload: config.unload !== null,
      coexistsWith: config.can_coexist_with,
      lastUsedAt: consumer.lastUsedAt,
      promised: consumer.promisedUntil !== null,
    };
  }

  /** A job that was served has taken all it will; one that was not says nothing of others that still run. */
  #endPromise(consumer: ConsumerState, reach: JobReach): void {
    if (consumer.promisedUntil !== 'job' || (reach !== 'served' && consumer.running > 0)) return;
    consumer.promisedUntil = reach === 'not_sent' ? null : 'sample';
  }

  #stateFor(config: ConsumerConfig, known: ConsumerState | undefined): ConsumerState {
    if (known === undefined || known.config.url !== config.url) return new ConsumerState(config, this.#clock.now());
    known.config = config;
    return known;
  }

  #retire(consumer: ConsumerState): void {
    consumer.retired = true;
    this.#retired.add(consumer);
  }

  #learn(consumer: ConsumerState, sample: Sample): void {
    const news = sampleNews(consumer, sample);
    consumer.leftMib = news.leftMib ?? consumer.leftMib;
    consumer.wasSeenOnCard ||= news.isSeen;
    consumer.measuredMib = news.measuredMib ?? consumer.measuredMib;
    if (news.residency !== null && news.residency.residency !== consumer.residency) this.#changed();
    this.#believe(consumer, news.residency, 'memory of its processes');
  }

  /** What we did ourselves. */
  #did(consumer: ConsumerState, residency: Residency, reason: string): void {
    this.#believe(consumer, { residency, source: 'action' }, reason);
  }

  #believe(consumer: ConsumerState, news: ResidencyNews | null, reason: string): void {
    if (news === null) return;
    consumer.residencySource = news.source;
    if (consumer.residency === news.residency) return;
    const from = consumer.residency;
    consumer.residency = news.residency;
    if (news.residency === 'resident') consumer.residentAt = this.#clock.now();
    const fields = { consumer: consumer.name, from, to: news.residency, reason };
    this.#logger.info('residency changed', fields);
    this.#events.note({ type: 'residency', ...fields });
  }

  #tellHealth(consumer: ConsumerState, from: string): void {
    const { state } = consumer.health;
    const fields = { consumer: consumer.name, from, to: state, reason: consumer.lastError ?? 'answered' };
    this.#events.note({ type: 'health', ...fields });
    // A unit that was stopped on purpose answers no probe; that is no reason to wake anybody.
    const isDown = consumerDown({ consumer, probeIntervalMs: 0 }) !== null;
    if (isDown) this.#logger.warn('health changed', fields);
    else this.#logger.info('health changed', fields);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
