import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { BusyCheck, CancelCall, Completion, ConsumerConfig } from '../config/types.ts';
import { fillPath, fillValue, jobState } from '../core/job.ts';
import type { JobTrace } from '../core/job.ts';
import { readPointer } from '../core/json-pointer.ts';
import { pollPauseMs } from '../core/poll-pace.ts';
import type { Logger } from '../logger.ts';
import { askBusy, askJson } from './ask.ts';
import { callConsumer, CallRefused } from './call.ts';
import { QUESTION_TIMEOUT_MS, question } from './question.ts';

/** What completion works with. */
export interface CompletionServices {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells when a consumer that may work on after its answer has really stopped, and tells it to when nobody wants the result. */
export class CompletionWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #isStopped = false;

  constructor({ clock, logger }: CompletionServices) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Gives up all waiting; for the end of the process. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when the work that an exchange has left behind has ended, is lost, or is given up on. Never rejects. */
  async ended(config: ConsumerConfig, trace: JobTrace): Promise<void> {
    const { completion, busy } = config;
    const jobs = completion === undefined ? [] : trace.ids;
    if (trace.isAbandoned) for (const id of jobs) await this.cancel(config, id);
    if (completion !== undefined && jobs.length > 0) await this.#jobsEnded(config, completion, jobs);
    else if (busy !== undefined) await this.#idle(config, busy);
  }

  /** Makes the calls that end work whose client has left. `id` is empty where work has none. Never rejects. */
  async cancel(config: ConsumerConfig, id = ''): Promise<void> {
    for (const call of config.cancel) {
      try {
        if (await isMeant(config, call, id)) await sendCancel(config, call, id);
      } catch (error) {
        this.#logger.warn('cancelling failed', { consumer: config.name, path: call.path, error: String(error) });
      }
    }
  }

  async #jobsEnded(config: ConsumerConfig, completion: Completion, ids: readonly string[]): Promise<void> {
    const deadline = this.#clock.now() + completion.max;
    for (const id of ids) {
      const isEnded = await this.#poll(() => this.#isJobOver(config, completion, id), deadline);
      if (isEnded || this.#isStopped) continue;
      this.#logger.error('a job did not end in time; it is cancelled and the lease ends', { consumer: config.name, job: id, max_ms: completion.max });
      await this.cancel(config, id);
    }
  }

  /** Also over: it is lost, or nobody listens there any more, so that no job can be left. */
  async #isJobOver(config: ConsumerConfig, completion: Completion, id: string): Promise<boolean> {
    const state = await askJob(config, completion, id);
    if (state === 'ended' || state === 'gone') return true;
    if (state === 'lost' || (state === 'unsure' && (await this.#isLost(config, completion, id)))) {
      this.#logger.warn('a job is lost: its consumer knows nothing of it', { consumer: config.name, job: id });
      return true;
    }
    return false;
  }

  /** It is neither among the finished jobs nor, as the consumer is idle, among the waiting ones; and it has not just moved. */
  async #isLost(config: ConsumerConfig, completion: Completion, id: string): Promise<boolean> {
    const isWorking = await askBusy(config, QUESTION_TIMEOUT_MS).catch(() => null);
    return isWorking === false && (await askJob(config, completion, id)) === 'unsure';
  }

  async #idle(config: ConsumerConfig, busy: BusyCheck): Promise<void> {
    let isUnusable = false;
    const isIdle = async (): Promise<boolean> => {
      const answer = await askIdle(config);
      if (answer === 'unusable' && !isUnusable) {
        isUnusable = true;
        this.#logger.warn('busy check gave no number or boolean', { consumer: config.name, path: busy.path, pointer: busy.pointer });
      }
      return answer === 'idle';
    };
    if ((await this.#poll(isIdle, this.#clock.now() + busy.timeout)) || this.#isStopped) return;
    this.#logger.error('still busy, but the lease ends', { consumer: config.name, timeout_ms: busy.timeout });
  }

  /** Asks until the answer is yes; false: not by the deadline, or stopped. */
  async #poll(isOver: () => Promise<boolean>, deadline: number): Promise<boolean> {
    const startedAt = this.#clock.now();
    for (;;) {
      if (await isOver()) return true;
      const now = this.#clock.now();
      if (this.#isStopped || now >= deadline) return false;
      await delay(Math.min(pollPauseMs(now - startedAt), deadline - now), undefined, { ref: false });
    }
  }
}

/** A consumer that cannot say is taken for busy: a second job on a card that still works is worse than a wait. */
async function askIdle(config: ConsumerConfig): Promise<'busy' | 'idle' | 'unusable'> {
  try {
    const isWorking = await askBusy(config, QUESTION_TIMEOUT_MS);
    if (isWorking === null) return 'unusable';
    return isWorking ? 'busy' : 'idle';
  } catch (error) {
    return error instanceof CallRefused ? 'idle' : 'busy';
  }
}

async function askJob(config: ConsumerConfig, completion: Completion, id: string): Promise<ReturnType<typeof jobState> | 'gone'> {
  const answer = await question(config, fillPath(completion.path, 'id', id));
  if (answer === 'gone') return answer;
  return answer === 'silent' ? 'running' : jobState(completion, id, answer);
}

async function isMeant(config: ConsumerConfig, { only_if: condition }: CancelCall, id: string): Promise<boolean> {
  if (condition === undefined) return true;
  const { document } = await askJson(config, { method: 'GET', path: fillPath(condition.path, 'id', id), timeoutMs: QUESTION_TIMEOUT_MS });
  return readPointer(document, condition.pointer) === fillValue(condition.equals, 'id', id);
}

async function sendCancel(config: ConsumerConfig, { method, path, headers, body }: CancelCall, id: string): Promise<void> {
  const filled = body === undefined ? {} : { body: fillValue(body, 'id', id) };
  await callConsumer(config, { method, path: fillPath(path, 'id', id), headers, ...filled, timeoutMs: QUESTION_TIMEOUT_MS });
}
