import express from 'express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { BrokerError } from '../errors.ts';

/** What our own routes take is small. */
const LIMIT = '16kb';

const parse: RequestHandler = express.json({ limit: LIMIT, type: () => true });

/** Reads the JSON body of one of our own requests; none counts as an empty object. */
export function jsonBody(req: Request, res: Response, next: NextFunction): void {
  parse(req, res, (error?: unknown) => {
    if (error === undefined) next();
    else next(new BrokerError('badRequest', `expected a body of JSON of at most ${LIMIT}`, { cause: error }));
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
