import { isRecord, textOf } from '../config/tree.ts';

/** Time for an answer that needs no consumer. ms. */
export const QUICK_MS = 5000;
/** Time for a load or an unload: a wait in the queue and the hook. ms. */
export const HOOK_MS = 300_000;

/** What the daemon answered, or why there is no answer. */
export type Answer =
  | { readonly kind: 'answer'; readonly body: unknown }
  /** An error that the daemon names. */
  | { readonly kind: 'error'; readonly error: string; readonly message: string }
  /** Nobody answered. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** Somebody else answered. */
  | { readonly kind: 'stranger'; readonly message: string };

/** A request to the daemon. */
export interface Question {
  /** Where the daemon is, without a last slash. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly timeoutMs: number;
}

/** Asks the daemon. Never throws. */
export async function ask({ url, method, path, timeoutMs }: Question): Promise<Answer> {
  try {
    const response = await fetch(url + path, { method, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    return readAnswer(url, response.ok, await response.text());
  } catch (error) {
    return { kind: 'unreachable', message: `no answer from ${url}: ${reasonOf(error, timeoutMs)}` };
  }
}

function readAnswer(url: string, isOk: boolean, text: string): Answer {
  const body = parseJson(text);
  const error = textOf(body, 'error');
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

/** fetch wraps what went wrong, sometimes in several layers; the innermost says it. */
function reasonOf(error: unknown, timeoutMs: number): string {
  const facts = factsOf(error);
  if (facts.name === 'TimeoutError') return `nothing within ${timeoutMs / 1000} s`;
  if (facts.cause !== undefined) return reasonOf(facts.cause, timeoutMs);
  if (facts.code === 'ECONNREFUSED') return 'connection refused';
  return facts.message || facts.code || 'an error without words';
}

interface ErrorFacts {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

/** What an error says; its members are not its own, so nothing here may ask for own ones only. */
function factsOf(error: unknown): ErrorFacts {
  return typeof error === 'object' && error !== null ? error : { message: String(error) };
}
