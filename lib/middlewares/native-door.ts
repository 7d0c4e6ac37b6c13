import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { ConsumerConfig } from '../config/types.ts';
import { behindDoor, doorOf, ownDoor } from '../core/doors.ts';
import type { Door } from '../core/doors.ts';
import { usesGpu } from '../core/gpu-paths.ts';
import { tongueOfPath } from '../core/tongue.ts';
import { BrokerError } from '../errors.ts';
import { ownPortOf } from './arrival.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { bind } from './route.ts';
import type { RouteServices } from './route.ts';

/** The stages that follow for requests that use the card, and for the others. */
export interface NativeStages {
  readonly gated: RequestHandler;
  readonly ungated: RequestHandler;
}

/** Usual methods; what else a consumer knows is its own business. */
const ALLOWED = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Leads to a consumer's own server, under a prefix or at a port of its own; all other requests pass by. */
export function nativeDoor(services: RouteServices, { gated, ungated }: NativeStages) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    const own = ownPortOf(req);
    const door = own === null ? doorOf(exchange.path) : ownDoor(own, exchange.path);
    if (door === null) {
      next();
      return;
    }
    const consumer = enter(exchange, door);
    if (door.path === '' && (req.method === 'GET' || req.method === 'HEAD')) {
      redirect(res, `${door.prefix}/${exchange.query}`);
      return;
    }
    // It would show a page what its browser and those on the way add to its requests.
    if (req.method === 'TRACE') throw new BrokerError('methodNotAllowed', 'TRACE is not served here', { consumer: consumer.name, allow: ALLOWED });
    const path = door.path === '' ? '/' : door.path;
    bind(exchange, { consumer, target: { method: req.method, path } }, services);
    const stages = usesGpu(consumer.gpu_paths, req.method, path) ? gated : ungated;
    void stages(req, res, next);
  };
}

/** Notes what the door says of the exchange. @throws BrokerError if nobody is behind it. */
function enter(exchange: Exchange, door: Door): ConsumerConfig {
  const behind = behindDoor(exchange.config, door);
  const isOllama = (behind.type === 'found' && behind.consumer.preset === 'ollama') || (door.by === 'preset' && door.to === 'ollama');
  exchange.kind = 'native';
  exchange.prefix = door.prefix;
  exchange.tongue = tongueOfPath(door.path, isOllama);
  if (behind.type === 'found') return behind.consumer;
  if (behind.type === 'unknown') throw new BrokerError('unknownConsumer', `there is no consumer named ${JSON.stringify(door.to)}`);
  throw new BrokerError('noConsumer', nobodyBehind(door, behind.presets));
}

function nobodyBehind({ to, prefix }: Door, presets: number): string {
  if (presets === 0) return `no consumer is behind ${prefix}: configure one with preset: ${to}, or name one ${to}`;
  return `${presets} consumers have preset: ${to} and none is named ${to}; ask one of them under /upstream/NAME/, or rename one`;
}

/** Relative links of a web page need the slash. */
function redirect(res: Response, location: string): void {
  res.writeHead(308, { Location: location, 'Content-Length': '0', 'X-Request-Id': exchangeOf(res).id }).end();
}
