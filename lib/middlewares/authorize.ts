import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import type { Clock } from '../clock.ts';
import type { AccessKey, Scope } from '../config/types.gen.ts';
import { credentialsIn } from '../core/credentials.ts';
import { isFromPage, peerBehind, rightsFault, rightsWithoutKey } from '../core/rights.ts';
import type { Caller } from '../core/rights.ts';
import { clampS } from '../core/retry-after.ts';
import { scopeForOthers, scopeNeeded } from '../core/scopes.ts';
import type { ScopedRequest } from '../core/scopes.ts';
import { WrongKeys } from '../core/wrong-keys.ts';
import { BrokerError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { peerKindOf } from './access-rules.ts';
import type { AccessRules } from './access-rules.ts';
import { ownPortOf } from './arrival.ts';
import { exchangeOf } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { KeyRing } from './key-ring.ts';

/** What this stage needs. */
export interface AuthorizeServices {
  readonly clock: Clock;
  readonly logger: Logger;
  accessRules(): AccessRules;
  /** The Tailscale user at the other end of a connection; a promise only while that is not known. Never rejects. */
  loginOf(socket: Socket): string | null | Promise<string | null>;
}

/** Refuses who has not got the scope that a request needs, and takes our keys out of its headers: no consumer ever sees one. */
export function authorize(services: AuthorizeServices) {
  const door = new ScopeDoor(services);
  return (req: Request, res: Response, next: NextFunction): void => {
    const { config } = exchangeOf(res);
    const isAsked = config.access.tailscale_whois && peerKindOf(req.socket) === 'tailscale';
    const login = isAsked ? services.loginOf(req.socket) : null;
    if (!(login instanceof Promise)) {
      door.pass(req, res, login);
      next();
      return;
    }
    login.then((name) => {
      if (res.destroyed) return;
      door.pass(req, res, name);
      next();
    }).catch(next);
  };
}

class ScopeDoor {
  readonly #services: AuthorizeServices;
  readonly #wrongKeys = new WrongKeys();

  constructor(services: AuthorizeServices) {
    this.#services = services;
  }

  /** @throws BrokerError `unauthorized`, `forbidden` or `tooManyAttempts`. */
  pass(req: Request, res: Response, login: string | null): void {
    const exchange = exchangeOf(res);
    exchange.login = login;
    const { keys } = this.#services.accessRules();
    const hasKeys = keys.scopes.size > 0;
    const scoped = scopedRequest(req, exchange.path);
    const scope = scopeNeeded(scoped);
    // Whoever has this one is asked nothing else; keys are as closely looked at as where only this one will do.
    const wide = scopeForOthers(scoped) ?? scope;
    const free = rightsWithoutKey(callerOf(req, exchange), hasKeys);
    if (hasKeys && !holds(free, wide)) this.#refuseGuesser(req);
    const { key, hasSent } = takeKey(req, keys, [wide, scope]);
    exchange.key = key?.name ?? null;
    const all = key === null ? free : new Set([...free, ...key.scopes]);
    if (scope === null || holds(all, wide)) return;
    if (key === null && hasSent && hasKeys) this.#noteWrong(req);
    exchange.isOwnOnly = true;
    if (scope !== wide && holds(all, scope)) return;
    const fault = rightsFault(scope, { key, hasSent, keyScopes: keys.scopes });
    throw new BrokerError(fault.type === 'stranger' ? 'unauthorized' : 'forbidden', fault.message);
  }

  /** Not even looks at what it sends: a right key would be told from a wrong one. */
  #refuseGuesser(req: Request): void {
    if (credentialsIn(req.headers).length === 0) return;
    const waitMs = this.#wrongKeys.waitMs(addressOf(req), this.#services.clock.now());
    if (waitMs > 0) throw new BrokerError('tooManyAttempts', 'too many wrong keys came from this address; keys are looked at again in a while', { retryAfterS: clampS(waitMs / 1000) });
  }

  #noteWrong(req: Request): void {
    const { clock, logger } = this.#services;
    const peer = addressOf(req);
    if (this.#wrongKeys.note(peer, clock.now())) logger.warn('too many wrong keys; this peer has to wait', { peer });
  }
}

function holds(rights: ReadonlySet<Scope>, scope: Scope | null): boolean {
  return scope === null || rights.has(scope);
}

/** Who asks, as far as no key says it. */
function callerOf(req: Request, { login, config: { access } }: Pick<Exchange, 'login' | 'config'>): Caller {
  const loginScopes = login !== null && Object.hasOwn(access.logins, login) ? (access.logins[login] ?? []) : [];
  return { peer: peerBehind(peerKindOf(req.socket), req.headers), isPage: isFromPage(req.headers), loginScopes };
}

function scopedRequest(req: Request, path: string): ScopedRequest {
  return { method: req.method, path, isOwnPort: ownPortOf(req) !== null, hasLeaseToken: req.headers['x-gpu-lease'] !== undefined };
}

/** The key that a request shows, of several one that has the first of the scopes that any has; all of ours are taken out. A key for the consumer stays. */
function takeKey(req: Request, keys: KeyRing, wanted: readonly (Scope | null)[]): { readonly key: AccessKey | null; readonly hasSent: boolean } {
  const credentials = credentialsIn(req.headers);
  if (keys.scopes.size === 0) return { key: null, hasSent: credentials.length > 0 };
  const held = credentials.map(({ header, texts }) => ({ header, own: texts.map((text) => keys.find(text)).filter((key) => key !== null) }));
  const found = held.flatMap(({ own }) => own);
  const taken = new Set(held.filter(({ own }) => own.length > 0).map(({ header }) => header));
  if (taken.size > 0) req.headers = Object.fromEntries(Object.entries(req.headers).filter(([name]) => !taken.has(name)));
  const fitting = wanted.flatMap((scope) => found.find(({ scopes }) => scope !== null && scopes.includes(scope)) ?? []);
  const key = fitting[0] ?? found[0] ?? null;
  return { key, hasSent: credentials.length > 0 };
}

function addressOf(req: Request): string {
  return req.socket.remoteAddress ?? 'unknown';
}
