import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { BusyCheck, ConsumerConfig } from '../config/types.ts';
import { readPointer } from '../core/json-pointer.ts';
import type { Logger } from '../logger.ts';
import { callConsumer, CallRefused } from './call.ts';

/** Between two questions: a job ends in a moment that somebody is waiting for. */
const POLL_MS = 100;
/** One question; a server that is loading weights answers late. */
const QUESTION_TIMEOUT_MS = 5000;

/** Tells when a consumer that answers at once and works on has really stopped, by its `busy` setting. */
export class BusyPoll {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #isStopped = false;

  constructor(services: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = services.clock;
    this.#logger = services.logger;
  }

  /** Gives up all waiting; for the end of the process. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when the consumer says idle, when nobody listens there any more, or at `busy.timeout`. Never rejects. */
  async idle(config: ConsumerConfig): Promise<void> {
    const { busy } = config;
    if (busy === undefined) return;
    const deadline = this.#clock.now() + busy.timeout;
    let answer = await ask(config, busy);
    if (answer === 'unusable') this.#logger.warn('busy check gave no number or boolean', { consumer: config.name, path: busy.path, pointer: busy.pointer });
    while (answer !== 'idle' && !this.#isStopped) {
      if (this.#clock.now() >= deadline) {
        this.#logger.error('still busy, but the lease ends', { consumer: config.name, timeout_ms: busy.timeout });
        return;
      }
      await delay(POLL_MS, undefined, { ref: false });
      answer = await ask(config, busy);
    }
  }
}

/** A consumer that cannot say is taken for busy: a second job on a card that still works is worse than a wait. */
async function ask(config: ConsumerConfig, busy: BusyCheck): Promise<'busy' | 'idle' | 'unusable'> {
  try {
    const answer = await callConsumer(config, { method: 'GET', path: busy.path, timeoutMs: QUESTION_TIMEOUT_MS });
    const value = readPointer(JSON.parse(answer.body), busy.pointer);
    if (typeof value !== 'number' && typeof value !== 'boolean') return 'unusable';
    return value === 0 || value === false ? 'idle' : 'busy';
  } catch (error) {
    if (error instanceof SyntaxError) return 'unusable';
    return error instanceof CallRefused ? 'idle' : 'busy';
  }
}
