import express from 'express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { BrokerError } from '../errors.ts';
import { exchangeOf } from '../middlewares/exchange.ts';

/** What our own routes take is small. */
const LIMIT = '16kb';

const parse: RequestHandler = express.json({ limit: LIMIT, type: () => true });

/** Reads the JSON body of one of our own requests; none counts as an empty object. All of it has to come within `timeouts.client_idle`. */
export function jsonBody(req: Request, res: Response, next: NextFunction): void {
  const { client_idle: limitMs } = exchangeOf(res).config.timeouts;
  let isOver = false;
  const end = (error?: BrokerError): void => {
    clearTimeout(timer);
    if (!isOver) next(error);
    isOver = true;
  };
  const tooSlow = (): void => end(new BrokerError('requestTimeout', `the request body was not whole after ${limitMs / 1000} s (timeouts.client_idle)`));
  const timer = setTimeout(tooSlow, limitMs);
  parse(req, res, (error?: unknown) => {
    end(error === undefined ? undefined : new BrokerError('badRequest', `expected a body of JSON of at most ${LIMIT}`, { cause: error }));
  });
}

/** The members of a body that `jsonBody` has read. @throws BrokerError `badRequest` unless it is an object with no other members than these. */
export function membersOf(req: Request, known: readonly string[]): Readonly<Record<string, unknown>> {
  const body: unknown = req.body ?? {};
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new BrokerError('badRequest', 'expected a JSON object');
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new BrokerError('badRequest', `${JSON.stringify(unknown)} is not known here; there are ${known.join(', ')}`);
  return Object.fromEntries(Object.entries(body));
}
