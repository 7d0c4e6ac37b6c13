import { setTimeout as sleep } from 'node:timers/promises';
import { getLlama } from 'node-llama-cpp';
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { Semaphore } from '../../lib/demo/servers/semaphore.ts';

/** So many generations can run at the same time, as llama-server's `--parallel` allows: that they do not is the gate's doing. */
export const SLOTS = 2;
/** Tokens of one generation with its prompt. */
const CONTEXT_TOKENS = 512;
/** Between two tokens. This model makes thousands in a second; one that fills a card makes tens to hundreds. */
const TOKEN_MS = 5;

/** What is to be generated. */
export interface Wish {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** Why a generation ended: all tokens that were asked for, or the model came to an end. */
export type FinishReason = 'length' | 'stop';

/** What the model has done so far, or since it was last told to forget it. */
export interface ModelStats {
  /** Generations under way. */
  readonly running: number;
  /** The most that ever were. */
  readonly peak: number;
  /** Tokens made. */
  readonly tokens: number;
  /** The prompts in the order in which their generations began. */
  readonly prompts: readonly string[];
}

/** A real language model on the CPU, on one thread. */
export class RealModel {
  readonly #model: LlamaModel;
  readonly #idle: LlamaContextSequence[];
  readonly #slots = new Semaphore(SLOTS);
  #running = 0;
  #peak = 0;
  #tokens = 0;
  #prompts: readonly string[] = [];

  private constructor(model: LlamaModel, sequences: readonly LlamaContextSequence[]) {
    this.#model = model;
    this.#idle = [...sequences];
  }

  /**
   * Loads the GGUF file at `path`.
   * @throws Error if it is no model, or this platform has no binary.
   */
  static async load(path: string): Promise<RealModel> {
    const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1 });
    const model = await llama.loadModel({ modelPath: path });
    const context = await model.createContext({ contextSize: CONTEXT_TOKENS, sequences: SLOTS, threads: 1 });
    return new RealModel(model, Array.from({ length: SLOTS }, () => context.getSequence()));
  }

  get stats(): ModelStats {
    return { running: this.#running, peak: this.#peak, tokens: this.#tokens, prompts: this.#prompts };
  }

  /** Counts from here on. */
  forget(): void {
    this.#peak = this.#running;
    this.#tokens = 0;
    this.#prompts = [];
  }

  /** Generates, and gives each token's text to `say`. Rejects with the signal's reason once it aborts; no token is made after that. */
  async generate(wish: Wish, say: (text: string) => void, gone: AbortSignal): Promise<FinishReason> {
    return this.#slots.run(async () => {
      const sequence = this.#idle.pop();
      if (sequence === undefined) throw new Error('more generations than slots');
      this.#begun(wish);
      try {
        return await this.#continue(sequence, wish, (text) => {
          gone.throwIfAborted();
          say(text);
        });
      } finally {
        this.#running -= 1;
        this.#idle.push(sequence);
      }
    });
  }

  #begun({ prompt }: Wish): void {
    this.#running += 1;
    this.#peak = Math.max(this.#peak, this.#running);
    this.#prompts = [...this.#prompts, prompt];
  }

  async #continue(sequence: LlamaContextSequence, wish: Wish, say: (text: string) => void): Promise<FinishReason> {
    const { temperature, seed, maxTokens } = wish;
    const { bos } = this.#model.tokens;
    const given = [...(bos === null ? [] : [bos]), ...this.#model.tokenize(wish.prompt)];
    const made: Token[] = [];
    await sequence.clearHistory();
    for await (const token of sequence.evaluate(given, { temperature, seed })) {
      this.#tokens += 1;
      say(this.#model.detokenize([token], false, [...given, ...made]));
      made.push(token);
      if (made.length >= maxTokens) return 'length';
      await sleep(TOKEN_MS);
    }
    return 'stop';
  }
}
