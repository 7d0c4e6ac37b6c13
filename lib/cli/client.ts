import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { isRecord, textOf } from '../config/tree.ts';

/** Time for an answer that needs no consumer. ms. */
export const QUICK_MS = 5000;
/** Time for a load or an unload: a wait in the queue and the hook. ms. */
export const HOOK_MS = 300_000;
/** An answer may be waited for without a limit; this notices a machine that is gone meanwhile. ms. */
const KEEP_ALIVE_MS = 30_000;

/** What the daemon answered, or why there is no answer. */
export type Answer = { readonly kind: 'answer'; readonly body: unknown } | Failure;

/** Why there is no answer. */
export type Failure =
  /** An error that the daemon names. */
  | { readonly kind: 'error'; readonly error: string; readonly message: string }
  /** Nobody answered. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** Somebody else answered. */
  | { readonly kind: 'stranger'; readonly message: string };

/** The daemon that a command is for. */
export interface DaemonAddress {
  /** Where it is, without a last slash. */
  readonly url: string;
  /** Shown with every request; missing: none. */
  readonly key?: string | undefined;
}

/** A request to the daemon. */
export interface Question extends DaemonAddress {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** null: as long as it takes. */
  readonly timeoutMs: number | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Gives up: the connection is closed, by which the daemon knows. */
  readonly signal?: AbortSignal;
}

/** Asks the daemon. Never throws. */
export async function ask(question: Question): Promise<Answer> {
  const { url, timeoutMs } = question;
  const limit = timeoutMs === null ? null : AbortSignal.timeout(Math.ceil(timeoutMs));
  try {
    const answer = await openAnswer(question, limit);
    return await readAnswer(url, answer);
  } catch (error) {
    const reason = limit?.aborted === true ? `nothing within ${(timeoutMs ?? 0) / 1000} s` : reasonOf(error);
    return { kind: 'unreachable', message: `no answer from ${url}: ${reason}` };
  }
}

/**
 * Asks the daemon for an answer that is read while it comes. Rejects when there is none.
 * On a connection of its own: one that is kept and that the daemon just closes would lose the question.
 */
export function openAnswer({ url, key, method, path, headers, body, signal }: Question, limit: AbortSignal | null): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const described = payload === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) };
  const shown = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const ends = AbortSignal.any([limit, signal].filter((each) => each !== null && each !== undefined));
  const { request } = url.startsWith('https:') ? https : http;
  const sent = request(url + path, { method, headers: { ...described, ...shown, ...headers }, agent: false, signal: ends });
  sent.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
  sent.once('response', resolve).on('error', reject);
  // Without an error: it switched protocols.
  sent.once('close', () => reject(new Error('it closed the connection')));
  sent.end(payload);
  return promise;
}

/** Reads an answer to its end. */
export async function readAnswer(url: string, answer: IncomingMessage): Promise<Answer> {
  const status = answer.statusCode ?? 0;
  const body = parseJson(await text(answer));
  const error = textOf(body, 'error');
  const isOk = status >= 200 && status < 300;
  if (isOk && isRecord(body)) return { kind: 'answer', body };
  if (!isOk && error !== null) return { kind: 'error', error, message: textOf(body, 'message') ?? error };
  return { kind: 'stranger', message: `${url} answers, but not as mGPUmanager does` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why a request failed, for people. A name with several addresses fails with an error that has a code and no words. */
export function reasonOf(error: unknown): string {
  const { code, message }: { readonly code?: string; readonly message?: string } = typeof error === 'object' && error !== null ? error : { message: String(error) };
  if (code === 'ECONNREFUSED') return 'connection refused';
  return message || code || 'an error without words';
}
