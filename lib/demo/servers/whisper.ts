import { once } from 'node:events';
import { Refusal, clientGone, createRoutedServer, readBody, send, sendJson } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { parseMultipart } from './multipart.ts';
import type { Part } from './multipart.ts';
import { paceOf } from './pace.ts';
import type { Pause } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { Semaphore } from './semaphore.ts';
import { transcribeMs, transcript } from './transcript.ts';
import { wavSeconds } from './wav.ts';
import { ProcessMemory, Weights } from './weights.ts';

const LOADED_MIB = 1500;
const LOAD_MS = 500;
/** cpp-httplib: a pool of so many threads, idle connections closed after 5 s or 100 requests. */
const THREADS = 8;
const KEEP_ALIVE_MS = 5000;
const REQUESTS_PER_CONNECTION = 100;
/** The part of the work (the mel spectrogram) that goes on though the client has left. */
const DEAF_SHARE = 0.3;

type Format = (text: string, seconds: number) => { readonly type: string; readonly body: string };

/** The answer formats, by the form field `response_format`. */
const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['json', (text) => ({ type: 'application/json', body: JSON.stringify({ text: ` ${text}\n` }) })],
  ['text', (text) => ({ type: 'text/html; charset=utf-8', body: ` ${text}\n` })],
  ['srt', (text, end) => ({ type: 'application/x-subrip', body: `1\n${stamp(0, ',')} --> ${stamp(end, ',')}\n ${text}\n\n` })],
  ['vtt', (text, end) => ({ type: 'text/vtt', body: `WEBVTT\n\n${stamp(0, '.')} --> ${stamp(end, '.')}\n ${text}\n\n` })],
  ['verbose_json', (text, end) => ({ type: 'application/json', body: JSON.stringify(verbose(text, end)) })],
]);

/** whisper.cpp's server: the model is loaded before the port opens, and only the end of the process frees it. */
export function createWhisper({ card, speed, pause = paceOf(speed) }: DemoServerOptions): DemoServer {
  const weights = new Weights({ memory: new ProcessMemory(card, 'whisper-server'), mib: LOADED_MIB, loadMs: LOAD_MS, pause });
  const pool = new Semaphore(THREADS);
  const server = createRoutedServer({
    routes: routesOf(pause),
    notFound: ({ response, path }) => send(response, 404, { type: 'text/plain', body: `File Not Found (${path})` }),
    failed: ({ response }) => sendJson(response, 500, { error: 'failed to process audio' }),
    // A request of any kind needs a thread: that is how a busy server comes to leave /health unanswered.
    around: ({ response }, next) => {
      response.setHeader('Server', 'whisper.cpp');
      response.setHeader('Access-Control-Allow-Origin', '*');
      return pool.run(next);
    },
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.keepAliveTimeoutBuffer = 0; // it does close when it said it would
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  return { server, prepare: () => weights.load() };
}

function routesOf(pause: Pause): ReadonlyMap<string, Handler> {
  const model = new Semaphore(1);
  return new Map<string, Handler>([
    ['GET /health', ({ response }) => sendJson(response, 200, { status: 'ok' })],
    ['POST /inference', (exchange) => infer(exchange, model, pause)],
  ]);
}

async function infer({ request, response }: Exchange, model: Semaphore, pause: Pause): Promise<void> {
  const { headers } = request;
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    // cpp-httplib reads on until the client closes.
    await once(response, 'close');
    return;
  }
  const parts = parseMultipart(headers['content-type'], await readBody(request, Number.POSITIVE_INFINITY)) ?? [];
  const seconds = wavSeconds(field(parts, 'file') ?? Buffer.alloc(0));
  if (seconds === null) throw new Refusal(400, { type: 'text/plain', body: 'Invalid request' });
  const gone = clientGone(response);
  await model.run(() => work(transcribeMs(seconds), gone, pause));
  const wanted = field(parts, 'response_format')?.toString() ?? 'json';
  const format = FORMATS.get(wanted) ?? FORMATS.get('text');
  send(response, 200, format?.(transcript(seconds), seconds));
}

/** Abandoned requests still take their turn, and do not notice at once. */
async function work(ms: number, gone: AbortSignal, pause: Pause): Promise<void> {
  await pause(ms * DEAF_SHARE);
  await pause(ms * (1 - DEAF_SHARE), gone);
}

function field(parts: readonly Part[], name: string): Buffer | undefined {
  return parts.find((part) => part.name === name)?.bytes;
}

function stamp(seconds: number, separator: string): string {
  return new Date(seconds * 1000).toISOString().slice(11, 23).replace('.', separator);
}

function verbose(text: string, seconds: number): unknown {
  const segment = { id: 0, text: ` ${text}`, start: 0, end: seconds, tokens: [], temperature: 0, avg_logprob: -0.2, no_speech_prob: 0.01 };
  return { task: 'transcribe', language: 'english', duration: seconds, text: ` ${text}\n`, segments: [segment] };
}

if (isMain(import.meta.url)) await runAsProcess('whisper-server', createWhisper);
