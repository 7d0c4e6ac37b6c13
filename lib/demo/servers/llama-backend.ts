import { clientGone } from './http.ts';
import type { Exchange } from './http.ts';
import type { Turn } from './llama-emit.ts';
import type { LlamaEngine } from './llama-engine.ts';
import type { Pause } from './pace.ts';

/** Whether a client is still there is looked at once a second; so long it takes on average. */
const CANCEL_MS = 500;

/** One model, and how its process treats its clients. */
export interface Backend {
  readonly engine: LlamaEngine;
  readonly pause: Pause;
  readonly quirks: {
    readonly late_cancel: boolean;
    readonly metrics: boolean;
    readonly mid_stream_error: boolean;
    readonly embeddings: boolean;
    readonly reranking: boolean;
  };
  /** Whether a request that does not stream goes on when its client leaves: its client is the router, which stays. */
  readonly isDeaf: boolean;
}

/** A request to one model; `body` is empty for a GET. */
export interface ModelRequest {
  readonly exchange: Exchange;
  readonly backend: Backend;
  readonly body: Readonly<Record<string, unknown>>;
}

export type ModelHandler = (request: ModelRequest) => Promise<void> | void;

/** Work in a slot of the model. */
export interface Work {
  /** Its name in the card's record. */
  readonly job: string;
  readonly streams: boolean;
  readonly run: (turn: Turn) => Promise<void>;
}

/**
 * Does the work of a request, until its process notices that the client is gone, if it ever does.
 * @throws what the engine throws.
 */
export async function work({ exchange: { response }, backend }: ModelRequest, { job, streams, run }: Work): Promise<void> {
  await backend.engine.run(job, clientOf(response, backend, streams), run);
}

function clientOf(response: Exchange['response'], { isDeaf, quirks, pause }: Backend, streams: boolean): AbortSignal {
  const gone = clientGone(response);
  if (streams || gone.aborted) return gone;
  if (!isDeaf && !quirks.late_cancel) return gone;
  const noticed = new AbortController();
  if (!isDeaf) gone.addEventListener('abort', () => void pause(CANCEL_MS).then(() => noticed.abort(gone.reason)), { once: true });
  return noticed.signal;
}
