import type { FakeExchange } from './fake-exchange.ts';

/** A place on the simulated card. */
export interface FakeMemory {
  hold(mib: number): void;
}

/** Health as told: an answer, none at all, or a cut connection. */
export type FakeHealth = { readonly status: number; readonly body: unknown } | 'hang' | 'cut';

/** What a load or unload call does:
 * - `ok` works, then answers 200;
 * - `error` answers 500 and changes nothing;
 * - `hang` never answers and changes nothing;
 * - `lie` answers 200 and changes nothing;
 * - `answerAfter` works and answers once the promise has settled;
 * - `effectAfter` answers 200 at once and works once the promise has settled. */
export type FakeHook =
  | 'ok'
  | 'error'
  | 'hang'
  | 'lie'
  | { readonly answerAfter: Promise<unknown> }
  | { readonly effectAfter: Promise<unknown> };

/** What a fake consumer holds on the card. Memory in MiB. */
export interface FakeFootprint {
  readonly loadedMib: number;
  /** Stays after an unload, as a CUDA context does. */
  readonly unloadedMib: number;
}

/** Whether a fake consumer's weights are in memory, and how its load and unload calls behave. */
export class FakeResidency {
  health: FakeHealth = { status: 200, body: { status: 'ok' } };
  load: FakeHook = 'ok';
  unload: FakeHook = 'ok';
  readonly #footprint: FakeFootprint;
  readonly #memory: FakeMemory | undefined;
  #loaded = false;

  constructor(footprint: FakeFootprint, memory: FakeMemory | undefined) {
    this.#footprint = footprint;
    this.#memory = memory;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  setLoaded(loaded: boolean): void {
    this.#loaded = loaded;
    this.#memory?.hold(loaded ? this.#footprint.loadedMib : this.#footprint.unloadedMib);
  }

  /** The script of the health route. */
  async answerHealth(exchange: FakeExchange): Promise<void> {
    if (this.health === 'hang') return exchange.never();
    if (this.health === 'cut') exchange.rst();
    else await exchange.json(this.health.status, this.health.body);
  }

  /** The script of the load and unload routes. */
  async answerHook(exchange: FakeExchange, wanted: boolean): Promise<void> {
    const hook = wanted ? this.load : this.unload;
    if (hook === 'hang') return exchange.never();
    if (hook === 'error') return exchange.json(500, { error: 'the hook failed, as told' });
    if (hook === 'lie') return exchange.json(200, { ok: true });
    if (hook === 'ok') this.setLoaded(wanted);
    else if ('answerAfter' in hook) await hook.answerAfter.then(() => this.setLoaded(wanted));
    else void hook.effectAfter.then(() => this.setLoaded(wanted));
    await exchange.json(200, { ok: true });
  }
}
