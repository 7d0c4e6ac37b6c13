import { once } from 'node:events';
import { Refusal, asJson, clientGone, createRoutedServer, readBody, send, sendJson } from './http.ts';
import type { Content, DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { parseMultipart } from './multipart.ts';
import type { Part } from './multipart.ts';
import { paceOf } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import { Semaphore } from './semaphore.ts';
import { transcript } from './transcript.ts';
import { wavSeconds } from './wav.ts';
import { ProcessMemory } from './weights.ts';
import { formatted } from './whisper-formats.ts';
import { WhisperModel } from './whisper-model.ts';
import { WHISPER_QUIRKS } from './whisper-quirks.ts';
import type { WhisperQuirks } from './whisper-quirks.ts';

/** cpp-httplib: a pool of so many threads, idle connections closed after 5 s or 100 requests. */
const THREADS = 8;
const KEEP_ALIVE_MS = 5000;
const REQUESTS_PER_CONNECTION = 100;
const PAGE = '<html><head><title>Whisper.cpp Server</title></head><body><h1>Whisper.cpp Server</h1></body></html>';

/** whisper.cpp's server: the model is loaded before the port opens, and only the end of the process frees it. */
export function createWhisper({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(WHISPER_QUIRKS, wanted);
  const model = new WhisperModel({ memory: new ProcessMemory(card, 'whisper-server'), pause, quirks });
  const pool = new Semaphore(quirks.pool_of_eight ? THREADS : Number.POSITIVE_INFINITY);
  const server = createRoutedServer({
    routes: routesOf(model, quirks),
    notFound: ({ response, path }) => send(response, 404, fileNotFound(path)),
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
  return { server, prepare: () => start(model, quirks) };
}

async function start(model: WhisperModel, quirks: WhisperQuirks): Promise<void> {
  const started = model.start();
  if (quirks.loads_before_bind) await started;
  // The port is open: a model that does not fit leaves a server that never becomes ready.
  else started.catch(() => undefined);
}

function routesOf(model: WhisperModel, quirks: WhisperQuirks): ReadonlyMap<string, Handler> {
  const inference = quirks.openai_path ? '/v1/audio/transcriptions' : '/inference';
  return new Map<string, Handler>([
    ['GET /', ({ response }) => send(response, 200, { type: 'text/html', body: PAGE })],
    ['GET /health', (exchange) => health(exchange, model, quirks)],
    ['POST /load', (exchange) => load(exchange, model, quirks)],
    [`POST ${inference}`, (exchange) => infer(exchange, model, quirks)],
  ]);
}

function health({ response, path }: Exchange, model: WhisperModel, quirks: WhisperQuirks): void {
  if (model.ready) sendJson(response, 200, { status: 'ok' });
  else if (quirks.rewrites_errors) send(response, 404, fileNotFound(path));
  else sendJson(response, 503, { status: 'loading model' });
}

async function load({ request, response }: Exchange, model: WhisperModel, quirks: WhisperQuirks): Promise<void> {
  const parts = await partsOf({ request, response }, quirks);
  const file = field(parts, 'model')?.toString();
  if (!(await model.swap(file))) throw invalid(file === undefined ? "no 'model' field in the request" : 'model not found!', quirks);
  send(response, 200, { type: 'application/text', body: 'Load was successful!' });
}

async function infer({ request, response }: Exchange, model: WhisperModel, quirks: WhisperQuirks): Promise<void> {
  const gone = clientGone(response);
  const parts = await partsOf({ request, response }, quirks);
  const file = field(parts, 'file');
  if (file === undefined) throw invalid("no 'file' field in the request", quirks);
  const seconds = wavSeconds(file);
  if (seconds === null) throw invalid('failed to read audio data', quirks);
  await model.transcribe(seconds, gone);
  const withLanguages = field(parts, 'no_language_probabilities')?.toString() !== 'true';
  const format = field(parts, 'response_format')?.toString() ?? 'json';
  send(response, 200, formatted(format, { text: transcript(seconds), seconds, withLanguages }));
}

/** The parts of a form; without a length it is read until the client closes, and then nobody is left to answer. */
async function partsOf({ request, response }: Pick<Exchange, 'request' | 'response'>, quirks: WhisperQuirks): Promise<readonly Part[]> {
  const { headers } = request;
  const hasLength = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (quirks.waits_for_a_length && !hasLength && !response.destroyed) await once(response, 'close');
  return parseMultipart(headers['content-type'], await readBody(request, Number.POSITIVE_INFINITY)) ?? [];
}

function invalid(error: string, { rewrites_errors: rewrites }: WhisperQuirks): Refusal {
  return new Refusal(400, rewrites ? { type: 'text/plain', body: 'Invalid request' } : asJson({ error }));
}

function fileNotFound(path: string): Content {
  return { type: 'text/plain', body: `File Not Found (${path})` };
}

function field(parts: readonly Part[], name: string): Buffer | undefined {
  return parts.find((part) => part.name === name)?.bytes;
}

if (isMain(import.meta.url)) await runAsProcess('whisper-server', createWhisper);
