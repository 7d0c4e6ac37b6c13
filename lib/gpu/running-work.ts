import type { Clock } from '../clock.ts';
import { mayStillWork } from '../core/job.ts';
import type { JobTrace } from '../core/job.ts';
import type { JobReach } from '../core/residency.ts';
import type { Lease } from './lease.ts';
import type { Completion } from './ports.ts';
import type { Ticket } from './ticket.ts';

/** One that has the card. */
interface Run {
  readonly ticket: Ticket;
  readonly lease: Lease;
  /** Monotonic, ms. */
  readonly startedAt: number;
  /** What its exchange has left behind, as long as that is waited for; null: the exchange goes on. */
  trace: JobTrace | null;
}

/** Those who have the card, from the grant until their consumer has stopped working. */
export class RunningWork {
  readonly #clock: Clock;
  readonly #completion: Completion;
  /** Oldest first. A few at most, and no map: see `OpenExchanges`. */
  #runs: readonly Run[] = [];
  #total = 0;
  #lastRunMs: number | null = null;

  constructor({ clock, completion }: { readonly clock: Clock; readonly completion: Completion }) {
    this.#clock = clock;
    this.#completion = completion;
  }

  get count(): number {
    return this.#runs.length;
  }

  /** So many have ended. */
  get total(): number {
    return this.#total;
  }

  /** How long the last one that ended had the card; null: none has. */
  get lastRunMs(): number | null {
    return this.#lastRunMs;
  }

  /** Oldest first. */
  all(): readonly Pick<Run, 'ticket' | 'startedAt'>[] {
    return this.#runs;
  }

  /** The ticket with this sequence number; null: it does not run. */
  find(sequence: number): Ticket | null {
    return this.#run(sequence)?.ticket ?? null;
  }

  /** A ticket has got its lease. */
  began(ticket: Ticket, lease: Lease): void {
    this.#runs = [...this.#runs, { ticket, lease, startedAt: this.#clock.now(), trace: null }];
  }

  /** Resolves when the lease of one that has begun is released and its consumer has stopped. */
  async untilDone(ticket: Ticket): Promise<{ readonly reach: JobReach; readonly ranMs: number }> {
    const run = this.#run(ticket.sequence);
    if (run === undefined) throw new Error('RunningWork: it has not begun');
    const { reach, trace } = await run.lease.released;
    // The answer has ended, but a consumer that answers at once and works on still has the card.
    const { consumerConfig } = ticket.request;
    if (reach !== 'not_sent' && mayStillWork(consumerConfig, trace)) {
      run.trace = trace;
      await this.#completion.ended(consumerConfig, trace);
    }
    this.#runs = this.#runs.filter((each) => each !== run);
    this.#total += 1;
    const ranMs = this.#clock.now() - run.startedAt;
    this.#lastRunMs = ranMs;
    return { reach, ranMs };
  }

  /** Has a ticket's work end; its lease ends when it has. */
  cancel(sequence: number): void {
    const run = this.#run(sequence);
    if (run === undefined) return;
    if (run.trace === null) run.lease.cancel();
    else this.#cancelRest(run.ticket, run.trace);
  }

  #run(sequence: number): Run | undefined {
    return this.#runs.find(({ ticket }) => ticket.sequence === sequence);
  }

  /** The exchange is over: what goes on is known by its ids, or not at all. */
  #cancelRest({ request: { consumerConfig } }: Ticket, { ids }: JobTrace): void {
    for (const id of consumerConfig.completion === undefined ? [''] : ids) void this.#completion.cancel(consumerConfig, id);
  }
}
