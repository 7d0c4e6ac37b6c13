import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { BrokerError, CLIENT_LEFT } from '../errors.ts';
import { cutOff } from './cut-off.ts';
import { routedExchange } from './exchange.ts';
import { asProxyError } from './proxy-errors.ts';
import { Watchdog } from './watchdog.ts';

/** Takes a good answer, which it begins to read in the same turn. */
export type TakeAnswer = (answer: IncomingMessage) => Promise<void>;

/**
 * Gets something from an exchange's consumer that belongs to its answer, within the consumer's timeouts and no longer than the
 * client is there. Resolves when it has been taken. Rejects with a BrokerError, or with CLIENT_LEFT.
 */
export function fetchFromConsumer(res: Response, path: string, take: TakeAnswer): Promise<void> {
  if (res.destroyed) return Promise.reject(CLIENT_LEFT);
  const exchange = routedExchange(res);
  const { name, url, timeouts } = exchange.route.consumer;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // A socket of its own: a pooled one that the server has just closed would cost an answer that is nearly done.
  const request = (url.startsWith('https:') ? https : http).get(url + path, { agent: false, headers: { 'x-request-id': exchange.id } });
  const watchdog = new Watchdog(timeouts, (cut) => {
    exchange.cut = cut;
    if (cut === 'client idle') cutOff(res);
    request.destroy(new Error(cut));
  });
  const leave = (): void => {
    watchdog.stop();
    request.destroy();
  };
  res.once('close', leave);
  request.once('socket', () => watchdog.sending(request, () => undefined));
  request.once('response', (answer) => {
    watchdog.answering(answer, res);
    if (answer.statusCode === 200) take(answer).then(resolve, reject);
    else reject(new BrokerError('consumerError', `${name} answered ${answer.statusCode} to GET ${path.split('?', 1)[0]}`, { consumer: name }));
  });
  request.on('error', (error) => reject(res.destroyed ? CLIENT_LEFT : asProxyError(error, exchange)));
  request.once('close', () => {
    reject(asProxyError(null, exchange));
    // What has not been written to its end goes on with another answer.
    if (res.writableEnded) {
      watchdog.consumerEnded(res);
      return;
    }
    watchdog.stop();
    res.off('close', leave);
  });
  return promise;
}
