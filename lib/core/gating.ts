import type { Config, ConsumerConfig } from '../config/types.ts';
import type { Health, Residency } from './model.ts';
import type { JobTrace } from './job.ts';
import type { JobReach } from './residency.ts';

/** A consumer with the state that the stages and the gate read; only the registry changes it. */
export interface GatedConsumer {
  readonly name: string;
  /** Tells apart two consumers of one name, when a reload has replaced one that still works. */
  readonly serial: number;
  readonly health: Health;
  readonly residency: Residency;
  /** Its load hook could do something: a command starts what does not run, but a call needs somebody who takes it. */
  readonly canLoad: boolean;
  /** What it lists as loaded; null: it does not say. */
  readonly loadedNames: readonly string[] | null;
  /** Leases of it that are admitted and not released. */
  readonly busy: number;
  /** It works on something that did not come through the broker. */
  readonly isWorkingForOthers: boolean;
  /** Its first probe has ended, or has been under way for so long that waiting for it makes no sense. */
  readonly firstProbeSettled: boolean;
}

/** Since when and by whom the card is kept from new work. */
export interface Pause {
  readonly since: Date;
  readonly by: string;
}

/** What is to be done with the card: an exchange, or a change of residency by hand. */
export type Work = 'exchange' | 'load' | 'unload';

/** What the gate is asked for. The configuration is the one that the request began with. */
export interface GateRequest {
  readonly id: string;
  readonly work: Work;
  readonly consumer: GatedConsumer;
  readonly consumerConfig: ConsumerConfig;
  readonly config: Config;
  /** Whose share of the queue it takes; missing: it is the broker's own work, or work by hand, which has none. */
  readonly client?: string;
  /** What it is shown as; missing: as its work. */
  readonly kind?: string;
  /** The model that it asks for; missing: none is known. */
  readonly model?: string;
  /** Longest wait for the grant, ms. */
  readonly maxWaitMs: number;
  /** Longest wait that the client itself asked for, ms; one that cannot be kept is refused at once. Missing: it did not say. */
  readonly deadlineMs?: number;
  /** Its holder ends it when it likes, so that nobody knows how long it takes. */
  readonly endsByHand?: boolean;
  /** Why the broker itself unloads it; missing: it does not, or somebody asked for it. */
  readonly cause?: 'idle' | 'reload';
  /** Asked at its turn of work by hand, so that what has lost its reason meanwhile is not done; missing: it is wanted. */
  isStillWanted?(): boolean;
}

/** What making room took, in ms; undefined: did not happen. */
export interface AdmissionTimes {
  evict?: number;
  load?: number;
}

/** The right to the card, as its holder sees it. */
export interface GrantedLease {
  /** From asking to the grant less making room, ms. */
  readonly queuedMs: number;
  readonly times: AdmissionTimes;
  /** Ends the holder's part; later calls change nothing. `reach` says how far the job came, `trace` what it left behind. */
  release(reach: JobReach, trace?: JobTrace): void;
}

/** A lease that came out of the queue, where it can be cancelled. */
export interface QueuedLease extends GrantedLease {
  /** Calls `listener` when the work is to end before its time: once, or at once if that has been said already. */
  onCancel(listener: () => void): void;
}

/** Who cancels something. */
export interface Canceller {
  /** Whose share of the queue its own requests take. */
  readonly client: string;
  /** It may cancel those only. */
  readonly isOwnOnly: boolean;
}

/** A place in the queue, as the one who waits sees it. */
export interface Place {
  /** The lease, or null when work by hand is done. Rejects with a BrokerError, or with CLIENT_LEFT. */
  readonly outcome: Promise<QueuedLease | null>;
}
