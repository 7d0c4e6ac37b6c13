import type { Request } from 'express';
import { doorOf } from '../core/doors.ts';
import { BrokerError } from '../errors.ts';
import { ownPortOf, upgradeOf } from './arrival.ts';

/** Refuses every upgrade but that to a WebSocket of a consumer's own server. */
export function refuseUpgrade(req: Request, path: string): void {
  if (upgradeOf(req) === null) return;
  const isServed = ownPortOf(req) !== null || doorOf(path) !== null;
  if (!isServed || !isWebSocket(req)) throw new BrokerError('upgradeRefused', 'no such upgrade is served here');
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  if (length !== '0' || coding !== undefined) throw new BrokerError('badRequest', 'a request for an upgrade has no body');
}

/** https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1 */
function isWebSocket({ method, httpVersion, headers }: Request): boolean {
  return method === 'GET' && httpVersion === '1.1' && headers.upgrade?.trim().toLowerCase() === 'websocket';
}
