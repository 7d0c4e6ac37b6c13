import type { NextFunction, Request, Response } from 'express';
import type { Outlook } from '../core/forecast.ts';
import type { GatedConsumer, GateRequest, GrantedLease, Place } from '../core/gating.ts';
import { requestedWaitMs } from '../core/headers.ts';
import type { Logger } from '../logger.ts';
import { cancelWork } from './cancel-work.ts';
import { clientOf } from './client-name.ts';
import { routedExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { WaitingStream, asksForEvents } from './waiting-stream.ts';

/** What this stage asks of the gate. */
export interface LeaseGiver {
  readonly logger: Logger;
  acquire(request: GateRequest): Place;
  leave(place: Place): void;
  /** Where one stands that waits; null: it does not wait. */
  outlook(place: Place): Outlook | null;
  /** The part of one request in a lease that its client holds by hand. @throws BrokerError if there is no such lease for this consumer. */
  enterLease(token: string, visitor: { readonly consumer: GatedConsumer; readonly requestId: string }): GrantedLease;
}

/** Holds a request until it has the lease of the card. A client that leaves takes its place in the queue with it. */
export function gpuGate(gate: LeaseGiver) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = routedExchange(res);
    const { consumer, config } = exchange;
    const token = req.headers['x-gpu-lease'];
    if (typeof token === 'string') {
      begin({ exchange, lease: gate.enterLease(token, { consumer, requestId: exchange.id }), res });
      next();
      return;
    }
    const { max_wait: limit, keepalive_after: everyMs } = config.queue;
    const deadlineMs = requestedWaitMs(req.headers);
    exchange.trace?.mark('asked');
    const place = gate.acquire({
      id: exchange.id,
      work: 'exchange',
      consumer,
      consumerConfig: exchange.route.consumer,
      config,
      client: clientOf(req, exchange),
      ...(exchange.kind === null ? {} : { kind: exchange.kind }),
      ...(exchange.model === null ? {} : { model: exchange.model }),
      maxWaitMs: Math.min(limit, deadlineMs ?? limit),
      ...(deadlineMs === null ? {} : { deadlineMs }),
    });
    if (asksForEvents(exchange)) exchange.waiting = new WaitingStream(exchange, res, { everyMs, outlook: () => gate.outlook(place) });
    const leave = (): void => gate.leave(place);
    res.once('close', leave);
    place.outcome.then((lease) => {
      res.off('close', leave);
      if (lease === null) throw new Error('an exchange was admitted without a lease');
      begin({ exchange, lease, res });
      lease.onCancel(() => cancelWork(exchange, res, gate.logger));
      if (!res.destroyed) next();
    }).catch(next);
  };
}

/** Notes the lease, and sees to it that it ends even if the proxy is never reached. */
function begin({ exchange, lease, res }: { readonly exchange: Exchange; readonly lease: GrantedLease; readonly res: Response }): void {
  exchange.lease = lease;
  exchange.trace?.mark('granted');
  exchange.times.queue = lease.queuedMs;
  Object.assign(exchange.times, lease.times);
  const release = (): void => {
    // Once a request to the consumer exists, the lease ends with that; a socket is assigned one tick after it was asked for.
    setImmediate(() => exchange.upstream ?? lease.release('not_sent'));
  };
  if (res.destroyed) release();
  else res.once('close', release);
}
