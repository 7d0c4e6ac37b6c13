import { messageOf } from './http.ts';
import type { Pause } from './pace.ts';
import { Semaphore } from './semaphore.ts';
import { transcribeMs } from './transcript.ts';
import { Weights } from './weights.ts';
import type { ProcessMemory } from './weights.ts';
import type { WhisperQuirks } from './whisper-quirks.ts';

/** The models on the server's disk, by path, and what they need, MiB; null: a file that is no model. */
export const MODEL_FILES: ReadonlyMap<string, number | null> = new Map([
  ['models/ggml-medium.bin', 1500],
  ['models/ggml-tiny.bin', 150],
  ['models/broken.bin', null],
]);
const FIRST_MIB = 1500;
const LOAD_MS = 500;
/** The part of the work (the mel spectrogram) that goes on though the client has left. */
const DEAF_SHARE = 0.3;

/** What a model is made from. */
export interface WhisperModelOptions {
  readonly memory: ProcessMemory;
  readonly pause: Pause;
  readonly quirks: WhisperQuirks;
}

/** whisper-server's one model. */
export class WhisperModel {
  readonly #options: WhisperModelOptions;
  /** One thing at a time: work or a load. */
  readonly #mutex = new Semaphore(1);
  #weights: Weights;
  #ready = false;

  constructor(options: WhisperModelOptions) {
    this.#options = options;
    this.#weights = this.#weightsOf(FIRST_MIB);
  }

  /** What /health says. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The first load. */
  async start(): Promise<void> {
    await this.#weights.load();
    this.#ready = true;
  }

  /**
   * What /load does: frees the model and loads that of the file. false: refused, and the old one stays; undefined `file`: none was named.
   * @throws Error when it cannot be loaded, unless that ends the process.
   */
  async swap(file: string | undefined): Promise<boolean> {
    return this.#mutex.run(async () => {
      const wasReady = this.#ready;
      this.#ready = false;
      const mib = MODEL_FILES.get(file ?? '');
      if (mib === undefined) {
        this.#ready = wasReady && !this.#options.quirks.sticky_404;
        return false;
      }
      this.#weights.unload();
      await this.#load(mib);
      this.#ready = true;
      return true;
    });
  }

  /**
   * Works on a recording of so many seconds.
   * @throws Error when the client leaves.
   */
  async transcribe(seconds: number, gone: AbortSignal): Promise<void> {
    const { memory, pause, quirks } = this.#options;
    const ms = transcribeMs(seconds);
    await this.#mutex.run(async () => {
      if (!quirks.abandoned_take_their_turn) gone.throwIfAborted();
      if (!this.#weights.loaded) throw new Error('no model');
      const end = memory.work('inference');
      try {
        await pause(ms * DEAF_SHARE, quirks.deaf_at_first ? undefined : gone);
        await pause(ms * (1 - DEAF_SHARE), gone);
      } finally {
        end();
      }
    });
  }

  async #load(mib: number | null): Promise<void> {
    try {
      if (mib === null) throw new Error('failed to initialize whisper context');
      this.#weights = this.#weightsOf(mib);
      await this.#weights.load();
    } catch (error) {
      if (!this.#options.quirks.exits_on_a_bad_model) throw error;
      process.stderr.write(`whisper-server: ${messageOf(error)}\n`);
      process.exit(1);
    }
  }

  #weightsOf(mib: number): Weights {
    const { memory, pause } = this.#options;
    return new Weights({ memory, mib, loadMs: LOAD_MS, pause });
  }
}
