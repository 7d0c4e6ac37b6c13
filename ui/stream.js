import { ask, Refusal } from './api.js';
import { sseParser } from './sse.js';
/** @import { StreamEvent } from './sse.js' */

/** Between two tries, ms: doubled up to the last. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 5000;
/** The broker says something at least each 15 s; after this it is gone, whatever the connection looks like. ms. */
const SILENCE_MS = 40_000;

/**
 * How a stream does.
 * @typedef {{ readonly state: 'connecting' } | { readonly state: 'live' } | { readonly state: 'lost', readonly retryMs: number } | { readonly state: 'refused', readonly refusal: Refusal }} Connection
 */

/**
 * Reads events from `path` for ever, and begins anew where it broke off. EventSource could not send a key. A refusal for want of rights ends it:
 * only another key would help.
 * @param {string} path
 * @param {{ readonly onEvent: (event: StreamEvent) => void, readonly onConnection: (connection: Connection) => void }} told
 * @returns {() => void} ends it
 */
export function follow(path, { onEvent, onConnection }) {
  const ending = new AbortController();
  let lastId = /** @type {string | null} */ (null);
  let retryMs = FIRST_RETRY_MS;
  const onNext = (/** @type {StreamEvent} */ event) => {
    lastId = event.id ?? lastId;
    retryMs = FIRST_RETRY_MS;
    onEvent(event);
  };
  const isEnded = () => ending.signal.aborted;
  const run = async () => {
    onConnection({ state: 'connecting' });
    for (;;) {
      const refusal = await readOnce(path, { lastId, signal: ending.signal, onEvent: onNext, onOpen: () => onConnection({ state: 'live' }) });
      if (isEnded()) return;
      if (refusal !== null && refusal.isFinal) return onConnection({ state: 'refused', refusal });
      onConnection({ state: 'lost', retryMs });
      await pause(retryMs);
      if (isEnded()) return;
      retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
    }
  };
  void run();
  return () => ending.abort();
}

/**
 * Reads until the stream breaks off.
 * @param {string} path
 * @param {{ readonly lastId: string | null, readonly signal: AbortSignal, readonly onEvent: (event: StreamEvent) => void, readonly onOpen: () => void }} options
 * @returns {Promise<Refusal | null>}
 */
async function readOnce(path, { lastId, signal, onEvent, onOpen }) {
  const silence = new AbortController();
  let timer = 0;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    heard();
    const headers = { Accept: 'text/event-stream', ...(lastId === null ? {} : { 'Last-Event-ID': lastId }) };
    const answer = await ask(path, { headers, signal: AbortSignal.any([signal, silence.signal]) });
    onOpen();
    const parse = sseParser(onEvent);
    const reader = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      heard();
      parse(piece.value);
    }
    return null;
  } catch (error) {
    return error instanceof Refusal ? error : null;
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
