import type { Request, Response } from 'express';
import type { Config } from '../config/types.ts';
import type { Pause, Place } from '../core/gating.ts';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import { membersOf } from './json-body.ts';
import type { ApiServices } from './services.ts';

/** Longest name of who paused. */
const LONGEST_NAME = 100;

/** `POST /v1/pause {by, unload}`: lets running work end and refuses new work, so that something else can have the card. */
export function pause(services: Pick<ApiServices, 'pause' | 'consumer' | 'acquire' | 'leave'>) {
  return async (req: Request, res: Response): Promise<void> => {
    const exchange = exchangeOf(res);
    const { id, config } = exchange;
    const { by = 'somebody', unload = false } = membersOf(req, ['by', 'unload']);
    if (typeof by !== 'string' || by.length > LONGEST_NAME || typeof unload !== 'boolean') {
      throw new BrokerError('badRequest', `expected by (a text of up to ${LONGEST_NAME} characters) and unload (true or false)`);
    }
    if (unload) exchange.kind = 'unload';
    const paused = services.pause(by);
    const unloaded = unload ? await unloadAll({ id, config, res }, services) : [];
    if (!res.destroyed) res.json({ paused: pauseReport(paused), consumers: unloaded });
  };
}

/** `POST /v1/resume`: takes work again. */
export function resume({ resume: end }: Pick<ApiServices, 'resume'>) {
  return (req: Request, res: Response): void => {
    req.resume();
    const was = end();
    res.json({ paused: null, was_paused: was === null ? null : pauseReport(was) });
  };
}

function pauseReport({ since, by }: Pause): Record<string, string> {
  return { since: since.toISOString(), by };
}

interface Asked {
  readonly id: string;
  readonly config: Config;
  readonly res: Response;
}

/** Unloads all that can be; each waits for its running work. What could not be unloaded is told. */
async function unloadAll({ id, config, res }: Asked, services: Pick<ApiServices, 'consumer' | 'acquire' | 'leave'>): Promise<unknown[]> {
  const places: Place[] = [];
  res.once('close', () => places.forEach((place) => services.leave(place)));
  const unloading = [...config.consumers.values()].flatMap((consumerConfig) => {
    const consumer = services.consumer(consumerConfig.name);
    if (consumerConfig.unload === null || consumer === null) return [];
    const place = services.acquire({ id, work: 'unload', consumer, consumerConfig, config, maxWaitMs: config.queue.max_wait });
    places.push(place);
    const report = (error?: unknown) => ({ consumer: consumer.name, residency: consumer.residency, ...(error instanceof BrokerError ? { error: error.message } : {}) });
    return [place.outcome.then(() => report(), report)];
  });
  return Promise.all(unloading);
}
