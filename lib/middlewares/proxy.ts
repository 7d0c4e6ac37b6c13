import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import type { Plugin, RequestHandler } from 'http-proxy-middleware';
import type { Clock } from '../clock.ts';
import type { ConsumerConfig } from '../config/types.ts';
import type { JobReach } from '../core/residency.ts';
import type { Logger } from '../logger.ts';
import { awaitUnread, markListeners, onClientGone, outlivesClient, untieAnswer } from './client-gone.ts';
import { answerEnded, consumerErrorOf, misunderstood } from './consumer-answer.ts';
import { cutOff } from './cut-off.ts';
import { isOnlyWaiting, sendError } from './error-handler.ts';
import { exchangeOf, routedExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { applyRequestHeaders, answerHeaders } from './proxy-headers.ts';
import { noteJobs } from './job-answer.ts';
import { ListenerMark } from './listener-mark.ts';
import { asProxyError, isStaleSocket } from './proxy-errors.ts';
import { askForBody } from './take-body.ts';
import type { Translation } from './translation.ts';
import { Watchdog } from './watchdog.ts';

/** What this stage needs. */
export interface ProxyServices {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Has a consumer end work that has no id and whose client has left. */
  cancel(consumer: ConsumerConfig): void;
}

/** Servers of this field close idle sockets after 5 s (uvicorn, cpp-httplib); ours go first, or a POST meets a closed one. */
const IDLE_SOCKET_MS = 4000;
/** Above every admission limit (64 leases and 128 audio streams), so that no admitted request ever waits for a socket. */
const MAX_SOCKETS = 256;

/** Sockets to one server, so that their place in its lists needs no name made of each request's options. */
class ConsumerAgent extends http.Agent {
  override getName(): string {
    return 'consumer';
  }
}

/** The way to one consumer: its own sockets, its own http-proxy-middleware. */
interface Forwarder {
  readonly agent: http.Agent;
  readonly forward: RequestHandler<Request, Response>;
}

/**
 * Stands in for `pipe` of a request whose body has been taken in, or that has none. One function for all requests: with one of its own in
 * each, V8 kept every exchange in memory until its next full collection.
 */
function sendTakenBody<T extends NodeJS.WritableStream>(this: Request, destination: T): T {
  const body = this.res === undefined ? null : exchangeOf(this.res).body;
  if (body === null) destination.end();
  else if (destination instanceof http.OutgoingMessage) body.sendTo(destination);
  return destination;
}

/** Whether a body comes behind the head of a request. */
function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
}

/** Last stage before the consumer, and the only door to http-proxy-middleware. */
export class Proxy {
  readonly #services: ProxyServices;
  readonly #forwarders = new Map<string, Forwarder>();

  constructor(services: ProxyServices) {
    this.#services = services;
  }

  /** Sends the exchange's request to its consumer and streams the answer back. */
  readonly stage = (req: Request, res: Response, _next: NextFunction): void => {
    const exchange = routedExchange(res);
    const { route, body, query, path } = exchange;
    if (body === null) askForBody(req, res);
    applyRequestHeaders(req, exchange);
    req.url = (route.target?.path ?? path) + query;
    if (route.target !== null) req.method = route.target.method;
    if (body !== null || !hasBody(req)) req.pipe = sendTakenBody;
    this.#send(req, res);
  };

  /** Closes all sockets; for the end of the process. */
  close(): void {
    for (const { agent } of this.#forwarders.values()) agent.destroy();
  }

  /**
   * Closes the idle sockets of consumers that are no longer at one of `urls`, and the others when they are. The way itself stays, as
   * http-proxy-middleware holds on to each for as long as the server lives: one that is taken out and put back gets its old one.
   */
  retain(urls: ReadonlySet<string>): void {
    for (const [url, { agent }] of this.#forwarders) {
      agent.maxFreeSockets = urls.has(url) ? MAX_SOCKETS : 0;
      if (urls.has(url)) continue;
      // Those in use belong to requests that finish as they began.
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    }
  }

  #send(req: Request, res: Response): void {
    const { url } = routedExchange(res).route.consumer;
    markListeners(req, res);
    void this.#forwarderTo(url).forward(req, res, () => undefined);
  }

  #forwarderTo(url: string): Forwarder {
    const known = this.#forwarders.get(url);
    if (known !== undefined) return known;
    const options = { keepAlive: true, timeout: IDLE_SOCKET_MS, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_SOCKETS };
    const agent = url.startsWith('https:') ? new https.Agent(options) : new ConsumerAgent(options);
    const forward = createProxyMiddleware<Request, Response>({
      // A text would be read anew for each request.
      target: new URL(url),
      agent,
      changeOrigin: true,
      headers: { connection: 'keep-alive' },
      ws: false,
      selfHandleResponse: true,
      ejectPlugins: true,
      plugins: [this.#handlers],
    });
    const forwarder = { agent, forward };
    this.#forwarders.set(url, forwarder);
    return forwarder;
  }

  readonly #handlers: Plugin<Request, Response> = (proxyServer) => {
    proxyServer.on('proxyReq', (proxyReq, _req, res) => this.#onSocket(proxyReq, res));
    proxyServer.on('proxyRes', (proxyRes, _req, res) => this.#onAnswer(proxyRes, res));
    proxyServer.on('error', (error, _req, res) => {
      if (res !== undefined && !(res instanceof Socket)) this.#onError(error, res);
    });
  };

  /** The request to the consumer has a socket, though it may still be connecting. */
  #onSocket(proxyReq: ClientRequest, res: Response): void {
    const { clock } = this.#services;
    const exchange = routedExchange(res);
    const startedAt = clock.now();
    exchange.upstream = proxyReq;
    exchange.trace?.mark('sent');
    // Such a request says `Connection: close`, which Node takes for no reason not to use the connection again.
    if (res.req.headers['transfer-encoding'] !== undefined) proxyReq.shouldKeepAlive = false;
    // Not before the body is piped, which comes next: a listener makes it flow, and its beginning would be lost.
    const isUpload = exchange.body === null && hasBody(res.req);
    if (isUpload) res.req.on('data', (chunk: Buffer) => (exchange.requestBytes += chunk.length));
    const watchdog = new Watchdog(exchange.route.consumer.timeouts, (cut) => {
      exchange.cut = cut;
      if (cut === 'client idle') this.#endIdle(res);
      if (cut !== 'client idle' || !outlivesClient(res)) proxyReq.destroy(new Error(cut));
    });
    onClientGone({ proxyReq, res, watchdog, cancel: this.#services.cancel });
    let reach: JobReach = 'not_sent';
    watchdog.sending(proxyReq, () => (reach = 'sent'));
    if (isUpload) watchdog.uploading(res.req, proxyReq);
    // Before the listener that writes the headers, which state this time.
    proxyReq.prependOnceListener('response', (answer: IncomingMessage) => {
      exchange.times.upstream = clock.now() - startedAt;
      reach = (answer.statusCode ?? 500) < 400 ? 'served' : 'sent';
      watchdog.answering(answer, res);
    });
    // Without a listener Node closes the socket and says nothing.
    proxyReq.once('upgrade', (_answer, socket) => {
      socket.destroy();
      this.#fail(new Error('it switched protocols'), res);
    });
    // Fires once on every way out: answered, refused, broken off, cut. A lease ends with the consumer's side, not with the client's.
    proxyReq.once('close', () => {
      watchdog.consumerEnded(res);
      if (exchange.upstream !== proxyReq) return;
      const release = (): void => {
        const { jobIds: ids, isAbandoned } = exchange;
        exchange.lease?.release(reach, { ids, isAbandoned, isCut: exchange.answer?.complete !== true });
      };
      if (exchange.translating === null) release();
      else void exchange.translating.then(release);
    });
  }

  #onAnswer(proxyRes: IncomingMessage, res: Response): void {
    const exchange = exchangeOf(res);
    exchange.answer = proxyRes;
    noteJobs(proxyRes, exchange);
    if (exchange.isAbandoned) {
      awaitUnread(proxyRes, res);
      return;
    }
    if (exchange.translation !== null) {
      this.#translate(exchange.translation, proxyRes, res);
      return;
    }
    exchange.waiting?.stop();
    if (isOnlyWaiting(exchange)) {
      this.#goOn(proxyRes, res);
      return;
    }
    proxyRes.on('data', (chunk: Buffer) => (exchange.responseBytes += chunk.length));
    // Before http-proxy-middleware's own listener, which ends the client's connection properly.
    proxyRes.once('error', () => this.#breakOff(res));
    try {
      res.writeHead(proxyRes.statusCode ?? 502, proxyRes.statusMessage ?? '', answerHeaders(proxyRes, exchange));
    } catch (cause) {
      this.#fail(cause, res);
      proxyRes.destroy();
      return;
    }
    proxyRes.pipe(res);
    untieAnswer(res);
    // A small answer leaves in one piece; of one that streams the headers do not wait for the first byte. What came with them flows before.
    // `flushHeaders` would write them in UTF-8, and they are bytes.
    process.nextTick(() => {
      if (exchange.responseBytes === 0 && !res.writableEnded && !res.destroyed) res.write('', 'latin1');
    });
  }

  /** The client sends no more of its request, or takes no more of its answer. */
  #endIdle(res: Response): void {
    if (res.headersSent) cutOff(res);
    else this.#fail(null, res);
  }

  /** The head of a stream is out already: what follows is the consumer's stream, or why there is none. */
  #goOn(proxyRes: IncomingMessage, res: Response): void {
    const exchange = exchangeOf(res);
    const { statusCode, headers } = proxyRes;
    if (statusCode !== 200) {
      void consumerErrorOf(proxyRes, exchange).then((error) => this.#fail(error, res));
      return;
    }
    if (!/^text\/event-stream\b/i.test(headers['content-type'] ?? '')) {
      proxyRes.resume();
      // Not before its end: once its client has been answered nobody watches it any more, and it has the card.
      const ended = answerEnded(proxyRes, exchange).then(() => misunderstood(exchange, 'answered, but with no stream'));
      void ended.catch((error: unknown) => error).then((error) => this.#fail(error, res));
      return;
    }
    proxyRes.on('data', (chunk: Buffer) => (exchange.responseBytes += chunk.length));
    proxyRes.once('error', () => this.#breakOff(res));
    proxyRes.pipe(res);
    untieAnswer(res);
  }

  /** The client is answered out of the consumer's answer. */
  #translate(translation: Translation, proxyRes: IncomingMessage, res: Response): void {
    const exchange = exchangeOf(res);
    const answered = translation.answer(proxyRes, res).catch((error: unknown) => {
      // It has left, was cut, or has been told.
      if (res.destroyed || exchange.error !== null) return;
      if (res.headersSent) this.#breakOff(res);
      sendError({ error, req: res.req, res }, this.#services.logger);
    });
    if (translation.holdsLease) exchange.translating = answered;
    untieAnswer(res);
    // http-proxy-middleware cuts the client when the answer breaks off; here the client is told.
    const marks = [new ListenerMark(proxyRes, 'error'), new ListenerMark(proxyRes, 'close')];
    process.nextTick(() => marks.forEach((mark) => mark.dropLater()));
  }

  /** The answer has begun and cannot be ended well. */
  #breakOff(res: Response): void {
    if (res.destroyed || res.writableFinished || exchangeOf(res).isCancelled) return;
    exchangeOf(res).cut ??= 'consumer broke off';
    cutOff(res);
  }

  #onError(error: NodeJS.ErrnoException, res: Response): void {
    const exchange = exchangeOf(res);
    // What a consumer sends behind a whole answer is no fault of that answer.
    if (res.destroyed || exchange.answer?.complete === true || exchange.cut === 'client idle') return;
    if (isStaleSocket(error, exchange) && !res.headersSent) {
      exchange.isRetried = true;
      // Both attempts listen to the client; Node would warn of a leak.
      res.setMaxListeners(2 * res.getMaxListeners());
      this.#send(res.req, res);
      return;
    }
    this.#fail(error, res);
  }

  #fail(error: unknown, res: Response): void {
    const exchange: Exchange = exchangeOf(res);
    if (exchange.isCancelled) return;
    if (res.headersSent && !isOnlyWaiting(exchange)) this.#breakOff(res);
    sendError({ error: asProxyError(error, exchange), req: res.req, res }, this.#services.logger);
  }
}
