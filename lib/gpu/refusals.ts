import type { Pause } from '../core/gating.ts';
import { clampS, retryAfterS } from '../core/retry-after.ts';
import { BrokerError } from '../errors.ts';

/** A game or a training run takes its time, so clients need not ask often. s */
const PAUSED_RETRY_S = 60;
/** After this a daemon that shuts down is gone, or back. s */
const SHUTDOWN_RETRY_S = 5;

/** How long the queue is and moves, for `Retry-After`. */
export interface QueueFacts {
  readonly waiting: number;
  /** null: nothing has run yet. */
  readonly lastRunMs: number | null;
}

export function queueFull({ waiting, lastRunMs }: QueueFacts, limit: number): BrokerError {
  const details = { retryAfterS: retryAfterS(waiting, lastRunMs) };
  return new BrokerError('queueFull', `${waiting} requests wait for the card already (queue.max_waiting is ${limit})`, details);
}

/** `waiting` counts the requests of this client alone. */
export function queueShareFull({ waiting, lastRunMs }: QueueFacts, limit: number): BrokerError {
  const message = `${waiting} requests of this client wait for the card already (queue.max_waiting_per_client is ${limit})`;
  return new BrokerError('queueShareFull', message, { retryAfterS: retryAfterS(waiting, lastRunMs) });
}

export function waitedTooLong(consumer: string, waitedMs: number, { waiting, lastRunMs }: QueueFacts): BrokerError {
  const message = `waited ${Math.round(waitedMs / 1000)} s for the card and ${consumer} did not get its turn`;
  return new BrokerError('queueTimeout', message, { consumer, retryAfterS: retryAfterS(waiting, lastRunMs) });
}

/** `estimateMs`: after so long it would get its turn. */
export function deadlineUnreachable(consumer: string, deadlineMs: number, estimateMs: number): BrokerError {
  const estimateS = Math.round(estimateMs / 1000);
  const message = `${consumer} would get its turn in about ${estimateS} s, and the client waits for ${Math.round(deadlineMs / 100) / 10} s`;
  return new BrokerError('deadlineUnreachable', message, { consumer, retryAfterS: clampS(estimateS), fields: { estimate_s: estimateS } });
}

export function pausedSince({ since, by }: Pause): BrokerError {
  return new BrokerError('paused', `the card is paused since ${since.toISOString()} by ${by}`, { retryAfterS: PAUSED_RETRY_S });
}

/** `when`: what it did at that moment. */
export function cancelled(consumer: string, when: string): BrokerError {
  return new BrokerError('cancelled', `the request was cancelled ${when}`, { consumer });
}

export function notInQueue(id: string): BrokerError {
  const message = `there is nothing with the id ${JSON.stringify(id.slice(0, 40))} in the queue: it has ended, or never was; GET /v1/queue has the ids`;
  return new BrokerError('notInQueue', message);
}

export function shuttingDown(): BrokerError {
  return new BrokerError('shuttingDown', 'the broker is shutting down', { retryAfterS: SHUTDOWN_RETRY_S });
}
