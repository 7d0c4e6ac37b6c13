import http from 'node:http';
import https from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import type { Clock } from '../clock.ts';
import type { JobReach } from '../core/residency.ts';
import type { Logger } from '../logger.ts';
import { upgradeOf } from './arrival.ts';
import type { Upgrade } from './arrival.ts';
import { cutOff } from './cut-off.ts';
import { sendError } from './error-handler.ts';
import { routedExchange } from './exchange.ts';
import { answerHeaders, applyRequestHeaders } from './proxy-headers.ts';
import { asProxyError } from './proxy-errors.ts';
import { joinSockets } from './socket-pair.ts';
import { Watchdog } from './watchdog.ts';

/** What this stage needs. */
export interface TunnelServices {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Last stage of an upgrade: asks the consumer for it on a connection of its own, and joins the two when it agrees. All else passes by. */
export function tunnel(services: TunnelServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const upgrade = upgradeOf(req);
    if (upgrade === null) next();
    else new Tunnel(services, res, upgrade).open(req);
  };
}

class Tunnel {
  readonly #services: TunnelServices;
  readonly #res: Response;
  readonly #upgrade: Upgrade;
  readonly #exchange: ReturnType<typeof routedExchange>;
  #reach: JobReach = 'not_sent';
  #isJoined = false;

  constructor(services: TunnelServices, res: Response, upgrade: Upgrade) {
    this.#services = services;
    this.#res = res;
    this.#upgrade = upgrade;
    this.#exchange = routedExchange(res);
  }

  /** Asks the consumer. */
  open(req: Request): void {
    const { clock } = this.#services;
    const startedAt = clock.now();
    const res = this.#res;
    const exchange = this.#exchange;
    const asked = ask(req, exchange);
    exchange.upstream = asked;
    // Each written apart from its assignment: see `onClientGone`.
    const giveUp = (): void => void asked.destroy();
    exchange.abandon = giveUp;
    exchange.trace?.mark('sent');
    const watchdog = new Watchdog(exchange.route.consumer.timeouts, (cut) => {
      exchange.cut = cut;
      if (cut === 'client idle') cutOff(res);
      asked.destroy(new Error(cut));
    });
    asked.once('socket', () => watchdog.sending(asked, () => (this.#reach = 'sent')));
    const answered = (answer: IncomingMessage): void => {
      exchange.times.upstream = clock.now() - startedAt;
      exchange.answer = answer;
      if ((answer.statusCode ?? 500) < 400) this.#reach = 'served';
    };
    asked.once('response', (answer) => {
      answered(answer);
      watchdog.answering(answer, res);
      this.#passOn(answer);
    });
    asked.once('upgrade', (answer, socket, head) => {
      answered(answer);
      watchdog.stop();
      this.#join(answer, socket, head);
    });
    asked.on('error', (error) => this.#fail(error));
    asked.once('close', () => {
      if (this.#isJoined) return;
      watchdog.consumerEnded(res);
      this.#release(exchange.answer?.complete === true);
    });
    res.once('close', () => {
      watchdog.stop();
      asked.destroy();
    });
  }

  /** The consumer has not switched: its answer is one like any other. */
  #passOn(answer: IncomingMessage): void {
    const res = this.#res;
    try {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', answerHeaders(answer, this.#exchange));
    } catch (cause) {
      answer.destroy();
      this.#fail(cause);
      return;
    }
    answer.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length));
    answer.once('error', (error) => this.#fail(error));
    answer.pipe(res);
  }

  #join(answer: IncomingMessage, socket: Socket, head: Buffer): void {
    const { lease, route } = this.#exchange;
    try {
      this.#agree(answer);
    } catch (cause) {
      socket.destroy();
      this.#fail(cause);
      return;
    }
    this.#isJoined = true;
    const hangUp = (): void => void socket.destroy();
    this.#exchange.abandon = hangUp;
    const client = this.#upgrade.takeOver();
    if (head.length > 0) socket.unshift(head);
    if (this.#upgrade.head.length > 0) client.unshift(this.#upgrade.head);
    client.on('data', (chunk: Buffer) => (this.#exchange.requestBytes += chunk.length));
    socket.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length));
    joinSockets(client, socket, route.consumer.timeouts.client_idle);
    if (lease !== null) socket.once('close', () => this.#release(socket.readableEnded));
  }

  /** Tells the client that its connection has changed. Throws if the consumer did not do so, or sent headers that cannot be written. */
  #agree(answer: IncomingMessage): void {
    if (answer.headers.upgrade?.trim().toLowerCase() !== 'websocket') throw new Error('it switched to another protocol');
    const headers = [...answerHeaders(answer, this.#exchange), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    this.#res.writeHead(101, 'Switching Protocols', headers).end();
  }

  #fail(error: unknown): void {
    const exchange = this.#exchange;
    const res = this.#res;
    if (res.destroyed || res.writableFinished || exchange.isCancelled) return;
    if (res.headersSent) exchange.cut ??= 'consumer broke off';
    sendError({ error: asProxyError(error, exchange), req: res.req, res }, this.#services.logger);
  }

  /** The consumer's side has ended; that ends the lease. */
  #release(isWhole: boolean): void {
    this.#exchange.lease?.release(this.#reach, { ids: [], isAbandoned: false, isCut: !isWhole });
  }
}

function ask(req: Request, exchange: ReturnType<typeof routedExchange>): ClientRequest {
  const { route, path, query } = exchange;
  const { url } = route.consumer;
  applyRequestHeaders(req, exchange);
  delete req.headers['content-length'];
  const headers = { ...req.headers, connection: 'Upgrade', upgrade: 'websocket' };
  const options = { method: 'GET', path: (route.target?.path ?? path) + query, headers, agent: false } as const;
  const asked = url.startsWith('https:') ? https.request(url, options) : http.request(url, options);
  return asked.end();
}
