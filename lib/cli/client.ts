import { isRecord, memberOf } from '../config/tree.ts';

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
  const error = memberOf(body, 'error');
  if (isOk && isRecord(body)) return { kind: 'answer', body };
  if (!isOk && typeof error === 'string') return { kind: 'error', error, message: String(memberOf(body, 'message') ?? error) };
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
  const name = typeof error === 'object' && error !== null && 'name' in error ? error.name : '';
  if (name === 'TimeoutError') return `nothing within ${timeoutMs / 1000} s`;
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  if (cause !== undefined) return reasonOf(cause, timeoutMs);
  const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return 'connection refused';
  return message === '' ? code : message;
}
