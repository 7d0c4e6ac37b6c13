import type { NextFunction, Request, Response } from 'express';
import { describeModel, listModels, modelsFor, voicesOf } from '../core/model-list.ts';
import type { ModelListFacts } from '../core/model-list.ts';
import { findModel, unknownModel } from '../core/models.ts';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import { membersOf } from './json-body.ts';
import { changeByHand } from './residency-by-hand.ts';
import type { Action } from './residency-by-hand.ts';
import type { ApiServices } from './services.ts';

type ListServices = Pick<ApiServices, 'config' | 'consumer' | 'startedAt'>;

/** `GET /v1/models`: from the configuration and from what the last probes said; no consumer is asked. */
export function models(services: ListServices) {
  return (_req: Request, res: Response): void => {
    res.json({ object: 'list', data: listModels(factsOf(services)) });
  };
}

/** `GET /v1/models/ID`; the id may hold slashes, encoded or not. */
export function model(services: ListServices) {
  return (_req: Request, res: Response): void => {
    const id = decodeURIComponent(exchangeOf(res).path.slice('/v1/models/'.length));
    const found = describeModel(id, factsOf(services));
    if (found === null) throw new BrokerError('modelNotFound', unknownModel(services.config().models, id));
    res.json(found);
  };
}

/** `POST /models/load` and `/models/unload` with `{"model"}`, as Open WebUI's eject button calls: residency by hand of the consumer that serves it. */
export function changeModel(action: Action, services: Pick<ApiServices, 'consumer' | 'acquire' | 'leave'>) {
  return async (req: Request, res: Response): Promise<void> => {
    const { model: id } = membersOf(req, ['model']);
    if (typeof id !== 'string' || id === '') throw new BrokerError('badRequest', 'expected {"model": "…"} with the name of a model');
    const { config } = exchangeOf(res);
    const found = findModel(config.models, id);
    if (found === null) throw new BrokerError('modelNotFound', unknownModel(config.models, id));
    const { consumer } = found.route;
    const residency = await changeByHand({ action, consumer, res }, services);
    res.json({ success: true, consumer, residency });
  };
}

/** `GET /v1/audio/models`: those that serve speech. */
export function speechModels({ config }: Pick<ApiServices, 'config'>) {
  return (_req: Request, res: Response): void => {
    res.json({ models: modelsFor('/v1/audio/speech', config()).map((id) => ({ id })) });
  };
}

/** `GET /v1/audio/voices`: those that are configured; where there are none the consumer is asked, if it may have that path. */
export function voices({ config }: Pick<ApiServices, 'config'>) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const { models: table, routing, consumers } = config();
    const { model: id } = req.query;
    const asked = typeof id === 'string' && id !== '' ? id : null;
    const listed = voicesOf(table, asked);
    const found = asked === null ? null : findModel(table, asked);
    const server = consumers.get((found === null ? routing.tts : found.route.consumer) ?? '');
    if (asked !== null && found === null) throw new BrokerError('modelNotFound', unknownModel(table, asked));
    if (listed.length === 0 && (found?.route.pathStyle ?? server?.path_style) === 'openai') next();
    else res.json({ voices: listed.map((name) => ({ id: name, name })) });
  };
}

function factsOf({ config, consumer, startedAt }: ListServices): ModelListFacts {
  return { models: config().models, startedAt: startedAt(), memoryOf: consumer };
}
