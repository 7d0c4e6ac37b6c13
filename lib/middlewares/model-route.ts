import type { NextFunction, Request, Response } from 'express';
import type { Config, ConsumerConfig, ModelRoute } from '../config/types.ts';
import { formSplices, jsonSplices } from '../core/body-edits.ts';
import type { BodyChanges, Splice } from '../core/body-edits.ts';
import { boundaryIn } from '../core/form-scan.ts';
import { usesGpu } from '../core/gpu-paths.ts';
import { findModel, unknownModel } from '../core/models.ts';
import type { Operation } from '../core/operations.ts';
import { modelIn } from '../core/scanned-body.ts';
import type { ScannedBody } from '../core/scanned-body.ts';
import { isTranslated } from '../core/translations.ts';
import { BrokerError } from '../errors.ts';
import { editedBody } from './edited-body.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { bind } from './route.ts';
import type { RouteServices } from './route.ts';

/** Who serves a request, under which name it asks for its model there, and what else is changed. */
interface ModelTarget {
  readonly consumer: ConsumerConfig;
  readonly route: ModelRoute | null;
  readonly rename: string | null;
}

/** Resolves the consumer by the model in the body, which has been read along; without one, by the kind. It never falls back to another consumer. */
export function routeModel(operation: Operation, services: RouteServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    exchange.kind = operation.kind;
    const scan = exchange.scan ?? EMPTY;
    const { consumer, route, rename } = targetOf(exchange, scan, operation);
    const style = route?.pathStyle ?? consumer.path_style;
    const { path } = operation;
    bind(exchange, { consumer, target: { method: 'POST', path } }, services);
    if (isTranslated(style, path)) {
      exchange.translator = { operation: path, model: route };
    } else {
      refuseIfLacking({ consumer, style, path });
      change(req, exchange, { rename, strip: route?.strip ?? [], set: route?.set ?? {} });
    }
    next();
  };
}

/** The body of a request that has none. */
const EMPTY: ScannedBody = { type: 'fault', message: 'the request has no body' };

function targetOf(exchange: Exchange, scan: ScannedBody, { kind }: Operation): ModelTarget {
  const { config } = exchange;
  const asked = modelIn(scan);
  if (asked.type === 'fault') throw new BrokerError('badRequest', asked.message);
  if (asked.type === 'none') {
    if (config.routing[kind] === undefined) throw new BrokerError('badRequest', `the body names no model, and no consumer is routed for ${kind} (routing.${kind})`);
    return { consumer: servedConsumer(config, config.routing[kind]), route: null, rename: null };
  }
  exchange.model = asked.model;
  const found = findModel(config.models, asked.model);
  if (found === null) throw new BrokerError('modelNotFound', unknownModel(config.models, asked.model));
  return { consumer: servedConsumer(config, found.route.consumer), ...found };
}

function servedConsumer(config: Config, name: string): ConsumerConfig {
  const consumer = config.consumers.get(name);
  if (consumer === undefined) throw new Error(`${name} is routed but not configured`);
  return consumer;
}

function refuseIfLacking({ consumer, style, path }: { readonly consumer: ConsumerConfig; readonly style: string; readonly path: string }): void {
  if (style === 'openai' && usesGpu(consumer.gpu_paths, 'POST', path)) return;
  throw new BrokerError('noConsumer', `${consumer.name} has no ${path} (gpu_paths, path_style)`, { consumer: consumer.name });
}

/** Nothing but what was asked for differs; without any change the bytes go on as they came. */
function change(req: Request, exchange: Exchange, changes: BodyChanges): void {
  const { scan, body } = exchange;
  if (scan === null || body === null) return;
  const splices = splicesOf(scan, changes, req.headers['content-type'] ?? '');
  if (splices.length > 0) exchange.body = editedBody(body, splices);
}

function splicesOf(scan: ScannedBody, changes: BodyChanges, contentType: string): readonly Splice[] {
  if (scan.type === 'object') return jsonSplices(scan, changes);
  const boundary = boundaryIn(contentType);
  return scan.type === 'form' && boundary !== null ? formSplices(scan, boundary, changes) : [];
}
