import type { IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { openAnswer, QUICK_MS, readAnswer, reasonOf } from './client.ts';
import type { DaemonAddress, Failure } from './client.ts';

/** The daemon says every 15 s that it is there; after this much silence it is not. ms. */
const SILENCE_MS = 45_000;
/** Until it is tried again. ms. */
const RETRY_MS = 1000;

/** What comes of listening to a stream of events. */
export type Heard =
  | { readonly kind: 'event'; readonly type: string; readonly data: unknown }
  /** The stream has ended; it is asked for again. */
  | { readonly kind: 'lost'; readonly message: string }
  /** There is no such stream, or none for us. It is the last word. */
  | Failure;

/** What is listened to. */
export interface Source extends DaemonAddress {
  /** With its query. */
  readonly path: string;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Waits before it is tried again; false: it is not. */
  readonly pause: (ms: number) => Promise<boolean>;
}

/** Tells what a stream says, for ever: a stream that ends is asked for again, from the last event on. The first try has to succeed. */
export async function* listen(source: Source): AsyncGenerator<Heard, void> {
  let lastEventId: string | undefined;
  let wasOpen = false;
  for (;;) {
    const opened = await open(source, lastEventId);
    if ('kind' in opened) {
      const mayCome = opened.kind === 'unreachable' || (opened.kind === 'error' && opened.mayPass);
      if (!wasOpen || !mayCome) {
        yield opened;
        return;
      }
      yield { kind: 'lost', message: opened.message };
    } else {
      wasOpen = true;
      const remember = (id: string): void => void (lastEventId = id);
      yield* eventsIn(opened, remember);
      if (source.signal.aborted) return;
      yield { kind: 'lost', message: `${source.url} has ended the stream` };
    }
    if (!(await source.pause(RETRY_MS)) || source.signal.aborted) return;
  }
}

type Refusal = Failure & { readonly mayPass: boolean };

async function open({ url, key, path, signal }: Source, lastEventId: string | undefined): Promise<IncomingMessage | Refusal> {
  const headers = { Accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }) };
  // Only until its answer begins: the stream itself has no end.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), QUICK_MS);
  try {
    const answer = await openAnswer({ url, key, method: 'GET', path, timeoutMs: null, headers, signal }, limit.signal);
    if (answer.statusCode === 200 && /^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')) return answer;
    const read = await readAnswer(url, answer);
    if (read.kind !== 'answer') return { ...read, mayPass: (answer.statusCode ?? 0) >= 500 };
    return { kind: 'stranger', message: `${url} answers, but not with a stream of events`, mayPass: false };
  } catch (error) {
    return { kind: 'unreachable', message: `no answer from ${url}: ${limit.signal.aborted ? `nothing within ${QUICK_MS / 1000} s` : reasonOf(error)}`, mayPass: true };
  } finally {
    clearTimeout(timer);
  }
}

async function* eventsIn(answer: IncomingMessage, remember: (id: string) => void): AsyncGenerator<Heard, void> {
  const found: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void found.push(event) });
  answer.setTimeout(SILENCE_MS, () => answer.destroy());
  answer.setEncoding('utf8');
  try {
    for await (const chunk of answer) {
      parser.feed(String(chunk));
      for (const { id, event = 'message', data } of found.splice(0)) {
        if (id !== undefined) remember(id);
        yield { kind: 'event', type: event, data: parsed(data) };
      }
    }
  } catch {
    // Cut in its middle: what that means is the caller's to say.
  } finally {
    answer.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
