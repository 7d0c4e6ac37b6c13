import type { NextFunction, Request, Response } from 'express';
import type { ConsumerConfig } from '../config/types.ts';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import type { ApiServices } from './services.ts';

type Action = 'load' | 'unload';

/** `POST /v1/consumers/NAME/load` and `/unload`: residency by hand, through the gate, so that running work is never cut. */
export function changeResidency(action: Action, services: Pick<ApiServices, 'consumer' | 'acquire' | 'leave'>) {
  return (req: Request, res: Response, next: NextFunction): void => {
    req.resume();
    const { id, config } = exchangeOf(res);
    const name = String(req.params['name']);
    const consumerConfig = config.consumers.get(name);
    const consumer = services.consumer(name);
    if (consumerConfig === undefined || consumer === null) {
      throw new BrokerError('unknownConsumer', `there is no consumer named ${JSON.stringify(name)}`);
    }
    refuseWithoutHook(consumerConfig, action);
    const place = services.acquire({ id, work: action, consumer, consumerConfig, config, maxWaitMs: config.queue.max_wait });
    const leave = (): void => services.leave(place);
    res.once('close', leave);
    place.outcome.then(() => res.json({ consumer: name, residency: consumer.residency }), next);
  };
}

function refuseWithoutHook(consumer: ConsumerConfig, action: Action): void {
  if (consumer[action] !== null) return;
  throw new BrokerError('noHook', `${consumer.name} has no ${action} hook`, { consumer: consumer.name });
}
