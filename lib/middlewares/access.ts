import type { NextFunction, Request, Response } from 'express';
import { crossSiteFault, isOwnHost } from '../core/access.ts';
import { faultOfPath, opaqueFrom } from '../core/request-target.ts';
import { BrokerError } from '../errors.ts';
import type { AccessRules } from './access-rules.ts';
import { ownPortOf } from './arrival.ts';
import { exchangeOf } from './exchange.ts';
import { refuseUpgrade } from './upgrade-check.ts';

/** Anything but visible ASCII, space and tab: a terminal that shows a log would obey some of it. */
const ODD_VALUE = /[^\t\x20-\x7e]/;
/** Some servers take such a number for an octal one. */
const LEADING_ZERO = /^0[0-9]/;

/** Refuses peers, host names, pages, upgrades and request targets that have no business here. `rules` are those of the newest configuration. */
export function accessCheck(rules: () => AccessRules) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const { path } = exchangeOf(res);
    try {
      refuseUnwelcome(req, rules());
      refuseUpgrade(req, path);
      refuseOddRequest(req, path);
    } catch (error) {
      // What follows on the connection may be read in two ways as well. Who is only not welcome may be so after a reload.
      if (!isForbidden(error)) res.shouldKeepAlive = false;
      throw error;
    }
    next();
  };
}

/** The checks that also what is no request of any path must pass. */
export function refuseUnwelcome(req: Pick<Request, 'socket' | 'headers' | 'method'>, rules: AccessRules): void {
  if (!rules.admits(req.socket)) {
    const peer = (req.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');
    const line = `access: { allow: [loopback, tailscale, ${peer}] }`;
    throw new BrokerError('forbidden', `${peer} may not connect; to admit it, configure ${line}`);
  }
  const { host } = req.headers;
  if (host !== undefined && !isOwnHost(host, rules.names)) {
    throw new BrokerError('misdirectedRequest', 'this host is not known under that name; to admit it, list it under access.hosts');
  }
  const fault = crossSiteFault(req.method, req.headers, rules.origins);
  if (fault !== null) throw new BrokerError('forbidden', fault);
}

/** What HTTP/1 servers may read in different ways. */
function refuseOddRequest(req: Request, path: string): void {
  refuseOddLength(req);
  if (req.httpVersionMajor !== 1) throw new BrokerError('badRequest', `HTTP/1.0 and HTTP/1.1 are spoken here, not HTTP/${req.httpVersion}`);
  const { rawHeaders } = req;
  let hosts = 0;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    if (ODD_VALUE.test(value)) throw new BrokerError('badRequest', `the header ${name} holds a character that is not printable ASCII`);
  }
  if (hosts > 1) throw new BrokerError('badRequest', 'the request has more than one Host');
  if (hosts === 0 && req.httpVersion !== '1.0') throw new BrokerError('badRequest', 'the request has no Host');
  const fault = faultOfPath(path, ownPortOf(req) === null ? opaqueFrom(path) : 0);
  if (fault !== null) throw new BrokerError('badRequest', fault);
}

/** Where a body ends, that is: a server that reads it differently takes the rest for another request. */
function refuseOddLength({ headers, httpVersion }: Request): void {
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (length !== undefined && LEADING_ZERO.test(length)) throw new BrokerError('badRequest', 'the Content-Length begins with a zero');
  if (coding === undefined) return;
  if (coding.toLowerCase() !== 'chunked') throw new BrokerError('badRequest', 'the only Transfer-Encoding is chunked');
  if (httpVersion === '1.0') throw new BrokerError('badRequest', 'HTTP/1.0 knows no Transfer-Encoding');
}

function isForbidden(error: unknown): boolean {
  return error instanceof BrokerError && error.kind.error === 'forbidden';
}
