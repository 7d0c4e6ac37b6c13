import http from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import express from 'express';
import type { Express } from 'express';
import { refuse } from './bare-refusal.ts';
import { BrokerServer, overloaded } from './broker-server.ts';
import type { BrokerServerServices } from './broker-server.ts';
import { MOST_HEADERS } from './core/headers.ts';
import { splitTarget } from './core/request-target.ts';
import { BrokerError } from './errors.ts';
import { boundTurns, inTurn } from './in-turn.ts';
import { refuseUnwelcome } from './middlewares/access.ts';
import type { AccessRules } from './middlewares/access-rules.ts';
import { noteOwnPort } from './middlewares/arrival.ts';
import { openUpgrade } from './upgrade.ts';

/** Time for all headers of a request, ms; a browser needs well under one second. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often Node looks for connections that are over time, ms. */
const CHECK_INTERVAL_MS = 1000;
/** Idle time of a client's connection, ms; longer than the poll intervals of usual dashboards. */
const KEEP_ALIVE_MS = 65_000;
/** Then a connection has to be opened anew, so that none lasts for ever. */
const REQUESTS_PER_CONNECTION = 1000;
const SETTINGS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  // A body has clocks of its own (timeouts.client_idle, timeouts.client_total).
  requestTimeout: 0,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  // Checked by our own stage, so that the refusal is in our envelope.
  requireHostHeader: false,
} as const;
/** What is answered also on connections that are over `limits.connections`. */
const ALWAYS_SERVED: ReadonlySet<string> = new Set(['/healthz', '/v1/status']);

/** Requests and responses of one app. */
interface Classes {
  readonly IncomingMessage: typeof http.IncomingMessage;
  readonly ServerResponse: typeof http.ServerResponse;
}

/** What a server needs beside its app. */
export interface HttpServerServices extends BrokerServerServices {
  accessRules(): AccessRules;
}

/** How many have begun on a connection. */
const requests = new WeakMap<Socket, number>();
/** Of each app, which may have several servers. */
const classes = new WeakMap<Express, Classes>();

/**
 * The HTTP server of an app; with `ownPortOf` one whose requests are all for that consumer's own server. Express sets the prototype of
 * every request and response, which makes all of Node's own code after it slow; here they are born with the prototypes that Express
 * wants, so that it changes nothing.
 */
export function createHttpServer(app: Express, services: HttpServerServices, ownPortOf: string | null = null): Server {
  const { accessRules, connections } = services;
  const ownClasses = classesOf(app);
  const server = new BrokerServer({ ...ownClasses, ...SETTINGS, hasReserve: ownPortOf === null }, services);
  // One more than is allowed shows that there are too many; the rest is not kept.
  server.maxHeadersCount = MOST_HEADERS + 1;
  // http-proxy-middleware listens for its end once for each consumer; from eleven on Node would warn of a leak.
  server.setMaxListeners(0);
  server.on('request', boundTurns);
  server.on('request', inTurn((req, res) => {
    if (connections.isReserved(req.socket)) {
      if (!isAlwaysServed(req)) return refuse(req.socket, overloaded());
      res.shouldKeepAlive = false;
    }
    if (isLast(req.socket)) res.shouldKeepAlive = false;
    if (ownPortOf !== null) noteOwnPort(req, ownPortOf);
    showToStages(req);
    app(req, res);
  }));
  // Requests like any other: the body is asked for only once every check has been passed, and no other expectation is known.
  for (const event of ['checkContinue', 'checkExpectation']) server.on(event, (req, res) => server.emit('request', req, res));
  server.on('upgrade', (req: IncomingMessage, _socket: Duplex, head: Buffer) => {
    const res = new ownClasses.ServerResponse(req);
    if (openUpgrade({ req, res, head })) server.emit('request', req, res);
  });
  server.on('connect', (req: IncomingMessage, socket: Duplex) => {
    const noTunnel = new BrokerError('methodNotAllowed', 'CONNECT is not served', { allow: ['GET', 'HEAD', 'POST'] });
    refuse(socket, unwelcome(req, accessRules()) ?? noTunnel);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // In the middle of an answer no other can be given.
    if (!socket.writable || isAnswering(socket)) socket.destroy();
    else refuse(socket, faultOf(error));
  });
  return server;
}

function classesOf(app: Express): Classes {
  const known = classes.get(app);
  if (known !== undefined) return known;
  class BrokerRequest extends http.IncomingMessage {}
  class BrokerResponse<T extends IncomingMessage = IncomingMessage> extends http.ServerResponse<T> {}
  Object.setPrototypeOf(BrokerRequest.prototype, express.request);
  Object.setPrototypeOf(BrokerResponse.prototype, express.response);
  Object.defineProperty(BrokerRequest.prototype, 'app', { value: app, writable: true });
  Object.defineProperty(BrokerResponse.prototype, 'app', { value: app, writable: true });
  Object.assign(app, { request: BrokerRequest.prototype, response: BrokerResponse.prototype });
  const made: Classes = { IncomingMessage: BrokerRequest, ServerResponse: BrokerResponse };
  classes.set(app, made);
  return made;
}

/** Node's own limit (`maxRequestsPerSocket`) announces the end, but does not make it. */
function isLast(socket: Socket): boolean {
  const count = (requests.get(socket) ?? 0) + 1;
  requests.set(socket, count);
  return count >= REQUESTS_PER_CONNECTION;
}

/** Whether an answer is under way. Only Node's own field tells, by which Node decides the same; a test would see it go. */
function isAnswering(socket: Duplex): boolean {
  const answer = '_httpMessage' in socket ? socket._httpMessage : null;
  return answer instanceof http.ServerResponse && answer.headersSent;
}

function isAlwaysServed({ url = '' }: IncomingMessage): boolean {
  return ALWAYS_SERVED.has(splitTarget(url).path);
}

/** For a target in which Express finds no path it runs no stage, but answers with a page of its own; ours refuse it by its `originalUrl`. */
function showToStages(req: IncomingMessage): void {
  if (req.url?.startsWith('/') !== true) Object.assign(req, { originalUrl: req.url, url: '/' });
}

/** What the checks say that every request must pass, also one that no stage sees; null: nothing. */
function unwelcome(req: IncomingMessage, rules: AccessRules): BrokerError | null {
  try {
    refuseUnwelcome({ socket: req.socket, headers: req.headers, method: req.method ?? '' }, rules);
    return null;
  } catch (error) {
    return error instanceof BrokerError ? error : new BrokerError('badRequest', 'the request cannot be understood');
  }
}

function faultOf(error: NodeJS.ErrnoException): BrokerError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new BrokerError('requestTimeout', `the headers of the request took longer than ${HEADERS_TIMEOUT_MS / 1000} s`);
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') return new BrokerError('headersTooLarge', `the headers of the request are larger than ${http.maxHeaderSize} bytes`);
  return new BrokerError('badRequest', 'the request is not valid HTTP');
}
