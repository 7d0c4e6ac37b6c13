import { Door, Waiters } from './llama-wait.ts';
import type { Pause } from './pace.ts';
import { Semaphore } from './semaphore.ts';
import { SleepingMemory, TAGS } from './vllm-memory.ts';
import type { SleepingQuirks, Tag } from './vllm-memory.ts';
import { EngineRequest } from './vllm-request.ts';
import type { ProcessMemory } from './weights.ts';

/** The start takes minutes in the real one; sleeping and waking are as measured with small models. ms. */
const START_MS = 4000;
const SLEEP_MS = 900;
const WAKE_MS = 300;

/** What becomes of running requests: ended with what there is, waited for, or kept for later. */
export type PauseMode = 'abort' | 'wait' | 'keep';

export interface EngineQuirks extends SleepingQuirks {
  readonly wake_oom_kills: boolean;
  readonly asleep_request_kills: boolean;
}

/** Thrown at requests whose engine has died. */
export class EngineDead extends Error {
  constructor() {
    super('EngineCore encountered an issue. See stack trace (above) for the root cause.');
  }
}

/** vLLM's engine: computes all requests together, sleeps and wakes when it is told to. */
export class VllmEngine {
  /** Tokens made so far. */
  generatedTokens = 0;
  /** Whether the weights are what they should be: after a sleep of level 2 they are not until they are loaded again. */
  garbled = false;
  readonly #processMemory: ProcessMemory;
  readonly #memory: SleepingMemory;
  readonly #pause: Pause;
  readonly #quirks: EngineQuirks;
  readonly #requests = new Set<EngineRequest>();
  readonly #ended = new Waiters();
  readonly #admission = new Door();
  readonly #flow = new Door();
  /** One sleep or wake-up at a time. */
  readonly #switch = new Semaphore(1);
  #level = 0;
  #dead = false;

  constructor(memory: ProcessMemory, pause: Pause, quirks: EngineQuirks) {
    this.#processMemory = memory;
    this.#memory = new SleepingMemory(memory, quirks);
    this.#pause = pause;
    this.#quirks = quirks;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** 0: awake. 1: weights in RAM. 2: weights dropped. */
  get level(): number {
    return this.#level;
  }

  get paused(): boolean {
    return !this.#admission.isOpen;
  }

  get running(): number {
    return [...this.#requests].filter(({ started }) => started).length;
  }

  get waiting(): number {
    return this.#requests.size - this.running;
  }

  /** @throws Error as CUDA words it, when the card has not enough memory. */
  async start(): Promise<void> {
    await this.#memory.map(TAGS, START_MS, this.#pause);
  }

  /**
   * Takes a request in. While the engine sleeps it waits for the wake-up. `job` is its name in the card's record.
   * @throws EngineDead, or the client's reason when it leaves.
   */
  async run(job: string, client: AbortSignal, work: (turn: EngineRequest) => Promise<void>): Promise<void> {
    if (this.#level > 0 && this.#quirks.asleep_request_kills) this.#die();
    this.#checkAlive();
    const request = new EngineRequest({
      client,
      admission: this.#admission,
      flow: this.#flow,
      pause: this.#pause,
      work: () => this.#processMemory.work(job),
      produced: () => (this.generatedTokens += 1),
    });
    this.#requests.add(request);
    try {
      await work(request);
    } finally {
      request.done();
      this.#requests.delete(request);
      this.#ended.all();
    }
  }

  /** Level 0 only pauses; 2 drops the weights, which have to be loaded again after the wake-up. Resolves when the memory is free; an engine that sleeps already stays as it is. */
  async sleep(level: number, mode: PauseMode): Promise<void> {
    await this.#switch.run(async () => {
      await this.#halt(mode);
      if (level === 0 || this.#level > 0) return;
      await this.#pause(SLEEP_MS);
      this.#memory.unmap();
      this.#level = level;
      this.garbled = level === 2;
    });
  }

  /** Takes no new requests, and ends, awaits or freezes the running ones. */
  async pauseRequests(mode: PauseMode): Promise<void> {
    await this.#switch.run(() => this.#halt(mode));
  }

  /** Undoes `pauseRequests`; a sleeping engine needs `wake`. */
  resume(): void {
    if (this.#level === 0) this.#open();
  }

  /**
   * Takes back the memory of `tags`; awake when all of it is there.
   * @throws Error as CUDA words it, when less is free.
   */
  async wake(tags: readonly Tag[]): Promise<void> {
    await this.#switch.run(async () => {
      this.#checkAlive();
      try {
        if (this.#level > 0) await this.#memory.map(tags, WAKE_MS, this.#pause);
      } catch (error) {
        if (this.#quirks.wake_oom_kills) this.#die();
        throw error;
      }
      if (!this.#memory.isWhole) return;
      this.#level = 0;
      this.#open();
    });
  }

  async #halt(mode: PauseMode): Promise<void> {
    this.#checkAlive();
    this.#admission.close();
    if (mode === 'abort') for (const request of this.#requests) request.cutShort();
    while (mode !== 'keep' && this.running > 0) await this.#ended.wait();
    this.#flow.close();
  }

  #open(): void {
    this.#admission.open();
    this.#flow.open();
  }

  #checkAlive(): void {
    if (this.#dead) throw new EngineDead();
  }

  #die(): void {
    this.#dead = true;
    this.#memory.drop();
    for (const request of this.#requests) request.fail(new EngineDead());
  }
}
