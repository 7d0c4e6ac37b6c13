import type { Response } from 'express';
import type { ConsumerConfig } from '../config/types.ts';
import type { Residency } from '../core/model.ts';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import type { ApiServices } from './services.ts';

export type Action = 'load' | 'unload';

/** What is to be done for whom. */
export interface ByHand {
  readonly action: Action;
  readonly consumer: string;
  readonly res: Response;
}

/**
 * Loads or unloads a consumer for a person, through the gate, so that running work is never cut. Resolves with its residency.
 * Rejects with a BrokerError, or with CLIENT_LEFT.
 */
export async function changeByHand({ action, consumer: name, res }: ByHand, services: Pick<ApiServices, 'consumer' | 'acquire' | 'leave'>): Promise<Residency> {
  const exchange = exchangeOf(res);
  const { id, config } = exchange;
  const consumerConfig = config.consumers.get(name);
  const consumer = services.consumer(name);
  if (consumerConfig === undefined || consumer === null) {
    throw new BrokerError('unknownConsumer', `there is no consumer named ${JSON.stringify(name)}`);
  }
  exchange.kind = action;
  exchange.consumer = consumer;
  refuseWithoutHook(consumerConfig, action);
  const place = services.acquire({ id, work: action, consumer, consumerConfig, config, maxWaitMs: config.queue.max_wait });
  res.once('close', () => services.leave(place));
  await place.outcome;
  return consumer.residency;
}

function refuseWithoutHook(consumer: ConsumerConfig, action: Action): void {
  if (consumer[action] !== null) return;
  throw new BrokerError('noHook', `${consumer.name} has no ${action} hook`, { consumer: consumer.name });
}
