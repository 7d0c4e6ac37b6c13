import type { Request, Response } from 'express';
import { KINDS } from '../config/types.ts';
import type { Config, Kind } from '../config/types.ts';
import { planReport } from '../core/plan-report.ts';
import { BrokerError } from '../errors.ts';
import { servedRoute } from '../middlewares/route.ts';
import type { ApiServices } from './services.ts';

/** `GET /v1/plan?kind=K` or `?consumer=NAME`: what a request would do now. Nothing is done. */
export function plan(services: Pick<ApiServices, 'plan' | 'config' | 'consumer'>) {
  return async (req: Request, res: Response): Promise<void> => {
    const name = consumerMeant(req, services.config());
    const plan = services.consumer(name) === null ? null : await services.plan(name);
    if (plan === null) throw new BrokerError('unknownConsumer', `there is no consumer named ${JSON.stringify(name)}`);
    res.json(planReport(plan));
  };
}

function consumerMeant(req: Request, config: Config): string {
  const { kind, consumer } = req.query;
  if (typeof consumer === 'string' && kind === undefined) return consumer;
  if (typeof kind !== 'string' || consumer !== undefined) {
    throw new BrokerError('badRequest', `say either kind (${KINDS.join(', ')}) or consumer, once`);
  }
  if (!isKind(kind)) throw new BrokerError('badRequest', `${JSON.stringify(kind)} is no kind; there are ${KINDS.join(', ')}`);
  return servedRoute(config, kind).consumer.name;
}

function isKind(text: string): text is Kind {
  return KINDS.some((kind) => kind === text);
}
