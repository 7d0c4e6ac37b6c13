import { parseObject, readBody, send, sendJson } from './http.ts';
import type { Exchange, Handler } from './http.ts';
import type { PauseMode, VllmEngine } from './vllm-engine.ts';
import { vllmError } from './vllm-job.ts';
import { TAGS } from './vllm-memory.ts';
import type { Tag } from './vllm-memory.ts';

interface ControlQuirks {
  readonly sleep_aborts: boolean;
  readonly sleep_returns_early: boolean;
}

/** The routes that vLLM has in dev mode only. Their parameters are in the query. */
export class VllmControl {
  readonly #engine: VllmEngine;
  readonly #quirks: ControlQuirks;

  constructor(engine: VllmEngine, quirks: ControlQuirks) {
    this.#engine = engine;
    this.#quirks = quirks;
  }

  routes(): readonly (readonly [string, Handler])[] {
    const engine = this.#engine;
    return [
      ['POST /sleep', (exchange) => this.#sleep(exchange)],
      ['POST /wake_up', (exchange) => this.#wake(exchange)],
      ['GET /is_sleeping', ({ response }) => sendJson(response, 200, { is_sleeping: engine.level > 0 })],
      ['POST /pause', (exchange) => this.#pause(exchange)],
      ['POST /resume', (exchange) => this.#resume(exchange)],
      ['GET /is_paused', ({ response }) => sendJson(response, 200, { is_paused: engine.paused })],
      ['POST /collective_rpc', (exchange) => this.#call(exchange)],
    ];
  }

  async #sleep({ response, query }: Exchange): Promise<void> {
    const level = Number(query.get('level') ?? '1');
    if (![0, 1, 2].includes(level)) throw vllmError(500, 'InternalServerError', `invalid level: '${query.get('level')}'`);
    await this.#carryOut(this.#engine.sleep(level, this.#modeIn(query)));
    send(response, 200);
  }

  async #wake({ response, query }: Exchange): Promise<void> {
    const tags = query.getAll('tags');
    if (!tags.every(isTag)) throw vllmError(500, 'InternalServerError', `invalid tags: ${tags.join(', ')}`);
    await this.#carryOut(this.#engine.wake(tags.length === 0 ? TAGS : tags));
    send(response, 200);
  }

  async #pause({ response, query }: Exchange): Promise<void> {
    await this.#engine.pauseRequests(this.#modeIn(query));
    sendJson(response, 200, { status: 'paused' });
  }

  #resume({ response }: Exchange): void {
    this.#engine.resume();
    sendJson(response, 200, { status: 'resumed' });
  }

  /** Only the one call that brings the weights back after a sleep of level 2. */
  async #call({ request, response }: Exchange): Promise<void> {
    const method = parseObject(await readBody(request))?.['method'];
    if (method !== 'reload_weights') throw vllmError(400, 'Bad Request', "Missing or unknown 'method' in request body");
    this.#engine.garbled = false;
    sendJson(response, 200, { results: [null] });
  }

  /** V0 sent the command and answered. */
  async #carryOut(command: Promise<void>): Promise<void> {
    if (this.#quirks.sleep_returns_early) command.catch(() => undefined);
    else await command;
  }

  #modeIn(query: URLSearchParams): PauseMode {
    const mode = query.get('mode') ?? (this.#quirks.sleep_aborts ? 'abort' : 'wait');
    if (mode === 'abort' || mode === 'wait' || mode === 'keep') return mode;
    throw vllmError(500, 'InternalServerError', `invalid mode: '${mode}'`);
  }
}

function isTag(text: string): text is Tag {
  return TAGS.some((tag) => tag === text);
}
