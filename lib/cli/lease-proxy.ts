import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { urlToHttpOptions } from 'node:url';
import { reasonOf } from './client.ts';
import { leasedHeaders, returnedHeaders } from './lease-headers.ts';

/** Idle time of a client's connection, ms; longer than clients keep theirs, or one is closed just as a request comes. */
const KEEP_ALIVE_MS = 65_000;
/** Names of this machine that no page elsewhere can have (DNS rebinding), as here a page's requests would be inside the lease. */
const OUR_HOST = /^(127\.0\.0\.1|localhost)(:\d+)?$/i;

/** Where requests go on to. */
export interface LeaseTarget {
  readonly url: URL;
  /** Token of the lease. */
  readonly token: string;
  /** Shown with every request; missing: none. */
  readonly key?: string | undefined;
}

/** One request and its answer. */
interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** A small HTTP server for one command: it forwards everything to the daemon, inside a lease. */
export class LeaseProxy {
  readonly #server: Server;

  constructor(target: LeaseTarget) {
    this.#server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 });
    // The daemon says whether a body may come, and whether it knows another expectation.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) {
      this.#server.on(event, (req: IncomingMessage, res: ServerResponse) => forward({ req, res }, target));
    }
  }

  /** Listens on a free port of 127.0.0.1. Resolves to its URL. */
  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a port of 127.0.0.1');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Stops listening and cuts what still runs. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function forward({ req, res }: Exchange, target: LeaseTarget): void {
  if (!OUR_HOST.test(req.headers.host ?? 'localhost')) return refuse(res, 421, { error: 'misdirected_request', message: 'this address is for 127.0.0.1 and localhost only', retryable: false });
  const sent = request(req, target);
  sent.once('continue', () => res.writeContinue());
  sent.once('response', (answer) => pass(answer, res));
  sent.on('error', (error) => fail(error, res));
  res.once('close', () => sent.destroy());
  req.pipe(sent);
  // An answer may come before the end of the upload, whose rest nobody takes.
  sent.once('close', () => req.resume());
}

/** On a connection of its own: a kept one that the daemon just closes would lose a request that must not be sent twice. */
function request(req: IncomingMessage, target: LeaseTarget): http.ClientRequest {
  const { url } = target;
  const options: http.RequestOptions = {
    ...urlToHttpOptions(url),
    method: req.method,
    path: url.pathname.replace(/\/$/, '') + (req.url ?? '/'),
    headers: leasedHeaders(req, { host: url.host, token: target.token, key: target.key }),
    agent: false,
  };
  const sent = url.protocol === 'https:' ? https.request(options) : http.request(options);
  sent.flushHeaders();
  return sent;
}

/** Streams an answer. One that breaks off is cut here as well: truncation must not look like an end. */
function pass(answer: IncomingMessage, res: ServerResponse): void {
  res.sendDate = false;
  res.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', returnedHeaders(answer));
  res.flushHeaders();
  pipeline(answer, res, () => undefined);
}

function fail(error: Error, res: ServerResponse): void {
  if (res.headersSent || res.destroyed) res.destroy();
  else refuse(res, 502, { error: 'consumer_unreachable', message: `no answer from the daemon: ${reasonOf(error)}`, retryable: true });
}

/** Answers in the daemon's envelope. */
function refuse(res: ServerResponse, status: number, envelope: Readonly<Record<string, unknown>>): void {
  const body = JSON.stringify(envelope);
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
  res.end(body);
}
