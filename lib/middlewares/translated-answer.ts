import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { misunderstood, readAnswer } from './consumer-answer.ts';
import { routedExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { brokerHeaders } from './proxy-headers.ts';
import { watchUnread } from './unread-answer.ts';

/** What a consumer says in words is never larger: ten hours of speech with the times of its words have 20 MiB. */
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** Reads a whole answer, beginning in this turn. Rejects with a BrokerError if it breaks off or is too large. */
export async function readWhole(from: IncomingMessage, exchange: Exchange): Promise<Buffer> {
  const body = await readAnswer(from, exchange, LARGEST_ANSWER);
  if (body === null) throw misunderstood(exchange, `answered with more than ${LARGEST_ANSWER / 1024 / 1024} MiB`);
  return body;
}

/** The same of an answer in JSON; undefined: it is none. */
export async function readDocument(from: IncomingMessage, exchange: Exchange): Promise<unknown> {
  const body = await readWhole(from, exchange);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Answers with a whole body, unless the client has left. */
export function sendWhole(res: Response, contentType: string, body: Buffer): void {
  if (res.destroyed) return;
  const exchange = routedExchange(res);
  exchange.responseBytes += body.length;
  res.writeHead(200, ['Content-Type', contentType, 'Content-Length', String(body.length), ...brokerHeaders(exchange)]);
  res.end(body);
  watchUnread(res, exchange.route.consumer.timeouts.client_idle);
}
