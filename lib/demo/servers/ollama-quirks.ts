import type { Quirk, Resolved } from './quirks.ts';

/** Ollama's peculiar ways; as in v0.33 unless told otherwise. */
export const OLLAMA_QUIRKS = {
  host_check: { on: true, what: 'A Host that is neither an address nearby nor a name of this machine gets an empty 403.' },
  origin_check: { on: true, what: 'The Origin of another site gets an empty 403.' },
  ps_hangs_while_unloading: { on: true, what: '/api/ps is answered only when no model is on its way out.' },
  memory_returns_late: { on: false, what: 'The memory comes back half a second after /api/ps has stopped listing the model.' },
  unload_waits_for_load: { on: true, what: 'keep_alive 0 for a model that still loads is answered when the load has ended.' },
  load_dies_with_its_client: { on: true, what: 'A client that leaves while its model loads takes the load with it (499).' },
  options_reload: { on: true, what: 'Other options (num_ctx, num_gpu and so on) than the loaded ones reload the model, once its work has ended.' },
  early_listing: { on: false, what: '/api/ps lists a model that still loads, with size_vram 0 (as in 0.5.7).' },
  wrong_method_404: { on: false, what: 'A wrong method is 404 page not found and not 405 (as in 0.5.7).' },
  small_queue: { on: false, what: 'OLLAMA_MAX_QUEUE is 2 and not 512: a third request that waits for a load gets 503.' },
  mid_stream_error: { on: false, what: 'A generation breaks after three words: an error line in a stream under status 200, else a 500.' },
} as const satisfies Record<string, Quirk>;

/** Which of them are on. */
export type OllamaQuirks = Resolved<typeof OLLAMA_QUIRKS>;
