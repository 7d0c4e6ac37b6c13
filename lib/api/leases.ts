import type { NextFunction, Request, Response } from 'express';
import { KINDS } from '../config/types.ts';
import type { Config, ConsumerConfig } from '../config/types.ts';
import { consumerDown } from '../core/admissible.ts';
import type { GatedConsumer } from '../core/gating.ts';
import { wireDurationMs } from '../core/wire-duration.ts';
import { BrokerError } from '../errors.ts';
import { clientOf } from '../middlewares/client-name.ts';
import { exchangeOf } from '../middlewares/exchange.ts';
import { servedRoute } from '../middlewares/route.ts';
import { membersOf } from './json-body.ts';
import type { ApiServices, Leases } from './services.ts';

type LeaseServices = Pick<ApiServices, 'consumer' | 'acquire' | 'leave' | 'leases' | 'refuseIfPaused'>;

/** `POST /v1/leases {kind|consumer, ttl, wait}`: the card for several requests, through the queue like any request. */
export function takeLease(services: LeaseServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = exchangeOf(res);
    const { id, config } = exchange;
    const members = membersOf(req, ['kind', 'consumer', 'ttl', 'wait']);
    const { consumer, consumerConfig } = consumerMeant(members, config, services);
    const ttlMs = ttlOf(members['ttl'], config);
    const waitMs = members['wait'] === undefined ? config.queue.max_wait : durationOf(members['wait'], 'wait');
    exchange.kind = 'lease';
    exchange.consumer = consumer;
    refuseIfDown(consumer, config);
    const facts = { id, work: 'exchange', kind: 'lease', client: clientOf(req, exchange), consumer, consumerConfig, config } as const;
    const place = services.acquire({ ...facts, maxWaitMs: Math.min(waitMs, config.queue.max_wait), endsByHand: true });
    const leave = (): void => services.leave(place);
    res.once('close', leave);
    place.outcome.then((lease) => {
      res.off('close', leave);
      if (lease === null) throw new Error('a lease by hand was admitted without a lease');
      if (res.destroyed) return lease.release('not_sent');
      const pass = services.leases.hold({ lease, consumer, consumerConfig, ttlMs });
      res.status(201).json({ id: pass.id, token: pass.token, consumer: consumer.name, expires_at: pass.expiresAt.toISOString() });
    }).catch(next);
  };
}

/** `PUT /v1/leases/ID {ttl}` with `X-GPU-Lease`: lets it live on. */
export function renewLease({ leases, refuseIfPaused }: Pick<LeaseServices, 'leases' | 'refuseIfPaused'>) {
  return (req: Request, res: Response): void => {
    refuseIfPaused();
    const ttlMs = ttlOf(membersOf(req, ['ttl'])['ttl'], exchangeOf(res).config);
    const token = req.get('x-gpu-lease');
    if (token === undefined) throw new BrokerError('badRequest', 'X-GPU-Lease is missing: the token of the lease');
    const id = idIn(req);
    res.json({ id, expires_at: leases.renew(id, token, ttlMs).toISOString() });
  };
}

/** `DELETE /v1/leases/ID`: gives the card back once what runs inside the lease has ended. */
export function releaseLease({ leases }: { readonly leases: Leases }) {
  return (req: Request, res: Response): void => {
    req.resume();
    const id = idIn(req);
    leases.release(id, req.get('x-gpu-lease'));
    res.json({ id, released: true });
  };
}

function idIn(req: Request): string {
  return String(req.params['id']);
}

function consumerMeant(
  { kind, consumer: name }: Readonly<Record<string, unknown>>,
  config: Config,
  services: Pick<LeaseServices, 'consumer'>,
): { readonly consumer: GatedConsumer; readonly consumerConfig: ConsumerConfig } {
  const consumerConfig = configMeant(kind, name, config);
  const consumer = consumerConfig === undefined ? null : services.consumer(consumerConfig.name);
  if (consumerConfig === undefined || consumer === null) {
    throw new BrokerError('unknownConsumer', `there is no consumer named ${JSON.stringify(name)}`);
  }
  return { consumer, consumerConfig };
}

function configMeant(kind: unknown, name: unknown, config: Config): ConsumerConfig | undefined {
  if (typeof name === 'string' && kind === undefined) return config.consumers.get(name);
  const known = KINDS.find((each) => each === kind);
  if (known === undefined || name !== undefined) throw new BrokerError('badRequest', `say either kind (${KINDS.join(', ')}) or consumer`);
  return servedRoute(config, known).consumer;
}

function ttlOf(value: unknown, { leases }: Config): number {
  const ttlMs = value === undefined ? leases.ttl : durationOf(value, 'ttl');
  if (ttlMs <= 0 || ttlMs > leases.max_ttl) {
    throw new BrokerError('badRequest', `expected a ttl above 0 and up to ${leases.max_ttl / 1000} s (leases.max_ttl)`);
  }
  return ttlMs;
}

function durationOf(value: unknown, name: string): number {
  const ms = wireDurationMs(value);
  if (ms === null) throw new BrokerError('badRequest', `expected ${name} in seconds, or with its unit such as "90s" or "5m"`);
  return ms;
}

function refuseIfDown(consumer: GatedConsumer, config: Config): void {
  const down = consumerDown({ consumer, probeIntervalMs: config.health.interval });
  if (down !== null) throw new BrokerError('consumerDown', down.message, { consumer: consumer.name, retryAfterS: down.retryAfterS });
}
