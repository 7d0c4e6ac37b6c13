import type { NextFunction, Request, Response } from 'express';
import type { Config, ConsumerConfig, Kind, PathTarget } from '../config/types.ts';
import type { GatedConsumer } from '../core/gating.ts';
import { findModel } from '../core/models.ts';
import { audioConsumer, routeOfKind } from '../core/routing.ts';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';

/** What route resolution needs. */
export interface RouteServices {
  consumer(name: string): GatedConsumer | null;
}

/** Resolves the consumer and path of a kind. It never falls back to another consumer. */
export function routeKind(kind: Kind, services: RouteServices) {
  return (_req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    exchange.kind = kind;
    bind(exchange, servedRoute(exchange.config, kind), services);
    next();
  };
}

/** Resolves the consumer that serves rendered audio. */
export function routeAudio(services: RouteServices) {
  return (_req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    exchange.kind = 'audio';
    const consumer = audioConsumer(exchange.config);
    if (consumer === null) throw new BrokerError('noAudioProxy', 'no consumer serves audio (audio_proxy is not set)');
    bind(exchange, { consumer, target: null }, services);
    next();
  };
}

/** Resolves the consumer that is asked for its voices: that of the model in the query, else that of tts. */
export function routeVoices(services: RouteServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    const { config, path } = exchange;
    exchange.kind = 'tts';
    const { model } = req.query;
    const found = typeof model === 'string' ? findModel(config.models, model) : null;
    const consumer = config.consumers.get((found === null ? config.routing.tts : found.route.consumer) ?? '');
    if (consumer === undefined) throw new BrokerError('noConsumer', 'no consumer is routed for tts (routing.tts)');
    bind(exchange, { consumer, target: { method: req.method, path } }, services);
    next();
  };
}

/** The route of a kind. Throws the refusal if nobody serves it. */
export function servedRoute(config: Config, kind: Kind): { readonly consumer: ConsumerConfig; readonly target: PathTarget } {
  const route = routeOfKind(config, kind);
  if (route.type === 'unrouted') throw new BrokerError('noConsumer', `no consumer is routed for ${kind} (routing.${kind})`);
  if (route.type === 'no_path') throw lacksPath(route.consumer.name, kind);
  return route;
}

/** Notes where a request goes. */
export function bind(exchange: Exchange, route: NonNullable<Exchange['route']>, services: RouteServices): void {
  exchange.route = route;
  exchange.consumer = services.consumer(route.consumer.name);
  if (exchange.consumer === null) throw new Error(`${route.consumer.name} is configured but not registered`);
}

function lacksPath(consumer: string, kind: Kind): BrokerError {
  return new BrokerError('noConsumer', `${consumer} is routed for ${kind} but has no paths.${kind}`, { consumer });
}
