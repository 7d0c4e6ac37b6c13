import { randomUUID } from 'node:crypto';
import { Refusal, asJson, clientGone, createRoutedServer, messageOf, parseObject, readBody, sendJson } from './http.ts';
import type { DemoServer, DemoServerOptions, Exchange, Handler } from './http.ts';
import { parseMultipart } from './multipart.ts';
import { MVOICE_QUIRKS } from './mvoice-quirks.ts';
import type { MvoiceQuirks } from './mvoice-quirks.ts';
import { paceOf } from './pace.ts';
import type { Pause } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import { sendRanged } from './range.ts';
import { Semaphore } from './semaphore.ts';
import { transcribeMs, transcript } from './transcript.ts';
import { toneWav, wavSeconds } from './wav.ts';
import { ProcessMemory, Weights } from './weights.ts';

/** Of the real one: all in all while loaded, and what its CUDA context keeps. MiB. */
const LOADED_MIB = 2800;
const CONTEXT_MIB = 9;
const LOAD_MS = 600;
/** So many recordings are kept. */
const KEPT_RECORDINGS = 32;

/** mVoice: TTS and STT in one process, with load and unload of its own. Loaded at the start. */
export function createMvoice({ card, speed, pause = paceOf(speed), quirks }: DemoServerOptions): DemoServer {
  const mvoice = new Mvoice(new ProcessMemory(card, 'mvoice'), pause, resolveQuirks(MVOICE_QUIRKS, quirks));
  const server = createRoutedServer({
    routes: mvoice.routes(),
    notFound: ({ response }) => sendJson(response, 404, { detail: 'Not Found' }),
    failed: ({ response }, error) => sendJson(response, 500, { detail: messageOf(error) }),
  });
  return { server, prepare: () => mvoice.start() };
}

class Mvoice {
  readonly #memory: ProcessMemory;
  readonly #pause: Pause;
  readonly #quirks: MvoiceQuirks;
  readonly #weights: Weights;
  /** One thing at a time on the card: work, load, unload. */
  readonly #card = new Semaphore(1);
  readonly #recordings = new Map<string, Buffer>();

  constructor(memory: ProcessMemory, pause: Pause, quirks: MvoiceQuirks) {
    this.#memory = memory;
    this.#pause = pause;
    this.#quirks = quirks;
    this.#weights = new Weights({ memory, mib: LOADED_MIB - CONTEXT_MIB, loadMs: LOAD_MS, pause });
  }

  routes(): ReadonlyMap<string, Handler> {
    return new Map<string, Handler>([
      ['GET /api/health', ({ response }) => sendJson(response, 200, this.#health())],
      ['POST /api/synthesize', (exchange) => this.#synthesize(exchange)],
      ['POST /api/transcribe', (exchange) => this.#transcribe(exchange)],
      ['POST /api/admin/load', (exchange) => this.#admin(exchange, () => this.#weights.load())],
      ['POST /api/admin/unload', (exchange) => this.#admin(exchange, () => this.#weights.unload())],
      ['GET /audio/*', (exchange) => this.#audio(exchange)],
    ]);
  }

  async start(): Promise<void> {
    if (this.#quirks.keeps_context) this.#memory.allocate(CONTEXT_MIB);
    // On a card that is full it starts all the same, without its weights.
    if (this.#quirks.starts_loaded) await this.#weights.load().catch(() => undefined);
  }

  #health(): unknown {
    return { status: 'ok', loaded: this.#weights.loaded, gpu_resident_mib: this.#memory.heldMib };
  }

  async #admin({ response }: Exchange, change: () => Promise<void> | void): Promise<void> {
    await this.#card.run(change);
    sendJson(response, 200, this.#health());
  }

  async #synthesize({ request, response }: Exchange): Promise<void> {
    const text = parseObject(await readBody(request))?.['text'];
    if (typeof text !== 'string' || text === '') throw missing('text');
    const began = performance.now();
    await this.#work(response, 'synthesize', Math.min(1500, 300 + text.length * 8));
    const url = this.#keep(toneWav(Math.min(6, 0.5 + text.length * 0.06)));
    sendJson(response, 200, { audio_url: url, tts_ms: Math.round(performance.now() - began) });
  }

  async #transcribe({ request, response }: Exchange): Promise<void> {
    const parts = parseMultipart(request.headers['content-type'], await readBody(request));
    const file = parts?.find(({ filename }) => filename !== null);
    if (file === undefined) throw missing('file');
    const seconds = wavSeconds(file.bytes);
    if (seconds === null) throw new Refusal(400, asJson({ detail: 'cannot decode the audio' }));
    await this.#work(response, 'transcribe', transcribeMs(seconds));
    sendJson(response, 200, { text: transcript(seconds) });
  }

  /** A call into a model ends when it ends: that its client has left changes nothing. */
  async #work(response: Exchange['response'], job: string, ms: number): Promise<void> {
    const signal = this.#quirks.works_on ? undefined : clientGone(response);
    await this.#card.run(async () => {
      if (!this.#weights.loaded && !this.#quirks.loads_itself) throw new Refusal(503, asJson({ detail: 'models are not loaded' }));
      await this.#weights.load(signal);
      const end = this.#memory.work(job);
      await this.#pause(ms, signal).finally(end);
    });
  }

  #keep(wav: Buffer): string {
    const path = `/audio/${randomUUID()}.wav`;
    this.#recordings.set(path, wav);
    const [oldest] = this.#recordings.keys();
    if (oldest !== undefined && this.#recordings.size > KEPT_RECORDINGS) this.#recordings.delete(oldest);
    return path;
  }

  #audio(exchange: Exchange): void {
    const wav = this.#recordings.get(exchange.path);
    if (wav === undefined) sendJson(exchange.response, 404, { detail: 'Not Found' });
    else sendRanged(exchange, 'audio/wav', wav);
  }
}

function missing(field: string): Refusal {
  return new Refusal(422, asJson({ detail: [{ type: 'missing', loc: ['body', field], msg: 'Field required' }] }));
}

if (isMain(import.meta.url)) await runAsProcess('mvoice', createMvoice);
