import { setTimeout as delay } from 'node:timers/promises';
import type { Response } from 'express';
import type { Clock } from '../clock.ts';
import type { ConsumerConfig, ImageTemplate } from '../config/types.ts';
import { outcomeOf } from '../core/image-history.ts';
import type { ImageFile, JobOutcome } from '../core/image-history.ts';
import { readPointer } from '../core/json-pointer.ts';
import { pollPauseMs } from '../core/poll-pace.ts';
import type { ReadAnswer } from '../core/self-report.ts';
import { BrokerError, CLIENT_LEFT } from '../errors.ts';
import { misunderstood } from './consumer-answer.ts';
import { routedExchange } from './exchange.ts';

/** What a translation asks of consumers. */
export interface JobServices {
  readonly clock: Clock;
  /** Asks a consumer by GET. `gone`: nobody listens there any more; `silent`: it did not answer, and may yet. Never rejects. */
  question(consumer: ConsumerConfig, path: string): Promise<ReadAnswer | 'gone' | 'silent'>;
}

/** A job of ComfyUI's, by its id, and what it was made from. */
export interface ImageJob {
  readonly id: string;
  readonly template: ImageTemplate;
}

/** Waits for a job's images, as long as the client does. Rejects with a BrokerError, or with CLIENT_LEFT at once. */
export async function imagesOf(job: ImageJob, res: Response, services: JobServices): Promise<readonly ImageFile[]> {
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(CLIENT_LEFT);
  if (res.destroyed) leave();
  res.once('close', leave);
  return Promise.race([left.promise, poll(job, res, services)]).finally(() => res.off('close', leave));
}

async function poll(job: ImageJob, res: Response, services: JobServices): Promise<readonly ImageFile[]> {
  const { clock } = services;
  const { consumer } = routedExchange(res).route;
  const maxMs = consumer.completion?.max ?? consumer.timeouts.first_byte;
  const startedAt = clock.now();
  while (!res.destroyed) {
    const outcome = await look(job, res, services);
    if (outcome.type === 'done') return outcome.images;
    if (outcome.type === 'failed') throw new BrokerError('consumerError', `${consumer.name}: ${outcome.message}`, { consumer: consumer.name });
    const ranMs = clock.now() - startedAt;
    if (ranMs >= maxMs) throw givenUp(res, maxMs);
    await delay(Math.min(pollPauseMs(ranMs), maxMs - ranMs), undefined, { ref: false });
  }
  return [];
}

/** One that nobody waits for any more is cancelled when the lease ends. */
function givenUp(res: Response, maxMs: number): BrokerError {
  const exchange = routedExchange(res);
  const { name } = exchange.route.consumer;
  exchange.isAbandoned = true;
  return new BrokerError('consumerTimeout', `${name} has not made the images within ${maxMs / 1000} s (completion.max)`, { consumer: name });
}

/** Lost is one that is neither among the finished jobs nor, as nothing is queued, among the others; and has not just moved. */
async function look(job: ImageJob, res: Response, services: JobServices): Promise<JobOutcome> {
  const { consumer } = routedExchange(res).route;
  const outcome = await askOutcome(job, res, services);
  if (outcome.type !== 'unsure') return outcome;
  const queue = await services.question(consumer, '/prompt');
  if (typeof queue === 'string' || readPointer(queue.document, '/exec_info/queue_remaining') !== 0) return outcome;
  const again = await askOutcome(job, res, services);
  return again.type === 'unsure' ? { type: 'failed', message: 'the job is lost: it is neither queued nor done' } : again;
}

async function askOutcome({ id, template }: ImageJob, res: Response, services: JobServices): Promise<JobOutcome> {
  const exchange = routedExchange(res);
  const answer = await services.question(exchange.route.consumer, `/history/${encodeURIComponent(id)}`);
  if (answer === 'gone') throw misunderstood(exchange, 'is gone: it refused the connection while it made the images');
  return answer === 'silent' ? { type: 'unsure' } : outcomeOf(answer.document, id, template.output);
}
