import type { Config, ConsumerConfig } from '../config/types.ts';
import type { GatedConsumer } from '../core/gating.ts';
import type { JobTrace } from '../core/job.ts';
import type { JobReach } from '../core/residency.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Sample } from '../core/model.ts';

/** What the gate does to consumers. Times are monotonic, ms. */
export interface Consumers {
  /** The planner's input right now. A sample that began before the last action is not believed. */
  snapshot(config: Config, sample: Sample | null): Snapshot;
  /** MiB that a consumer still has to get before it can work, as far as is known right now; 0: it can run. */
  needMib(consumer: GatedConsumer): number;
  /** End of the latest load, unload or job of any consumer, or when one was found to have left the card by itself. */
  lastActionAt(): number;
  waiting(consumer: GatedConsumer, change: 1 | -1): void;
  admitted(consumer: GatedConsumer): void;
  granted(consumer: GatedConsumer): void;
  finished(consumer: GatedConsumer, reach: JobReach, wasGranted: boolean): void;
  /** `hookEndedAt`: a sample that began after it shows what the unload freed. */
  unloaded(consumer: GatedConsumer, result: { readonly isFreed: boolean; readonly hookEndedAt: number }): void;
  byName(name: string): GatedConsumer | null;
}

/** The calls that load and unload. One hook at a time per consumer; one that has begun runs to its end or its timeout. */
export interface Hooks {
  /** Runs the load hook and waits for a healthy probe. Rejects with a reason for people. */
  load(consumer: GatedConsumer): Promise<void>;
  /** Runs the unload hook. Rejects with a reason for people. The caller says later what the card showed. */
  unload(consumer: GatedConsumer): Promise<void>;
  /** Looks at a consumer that is to be unloaded: it may be unloaded already, or work on something that did not come through us. Never rejects. */
  look(consumer: GatedConsumer): Promise<'working' | 'absent' | 'idle'>;
}

/** What the gate asks of the sampler. */
export interface FreshSamples {
  /** The newest sample, however old; null: there is none yet. */
  lastSample(): Sample | null;
  /** First sample whose measurement began at or after `since`; null: none in time. */
  fresh(since: number): Promise<Sample | null>;
}

/** Tells when a consumer has stopped working. */
export interface Completion {
  /** Resolves when the work that an exchange has left behind has ended, is lost, or is given up on. Never rejects. */
  ended(config: ConsumerConfig, trace: JobTrace): Promise<void>;
  /** Makes the calls that end work; `id` is empty where it has none. Never rejects. */
  cancel(config: ConsumerConfig, id: string): Promise<void>;
}
