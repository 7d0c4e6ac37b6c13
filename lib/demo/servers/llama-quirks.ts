/** Ways of a process that serves one model, alone or as a router's child. */
const CHILD_QUIRKS = {
  error_closes: { on: true, what: 'Every error closes the connection.' },
  broken_json_is_500: { on: true, what: 'A body that is no JSON is 500, not 400.' },
  empty_cors: { on: true, what: 'Access-Control-Allow-Origin is sent empty unless the page is on this machine.' },
  short_keep_alive: { on: true, what: 'A connection ends after 5 s without a request, or after 100 requests.' },
  late_cancel: { on: true, what: 'An answer in one piece is given up only some time within a second after its client has left.' },
  embeddings: { on: false, what: 'Started with --embeddings; without, embeddings are 501.' },
  reranking: { on: false, what: 'Started with --reranking; without, POST /v1/rerank is 501.' },
  metrics: { on: false, what: 'Started with --metrics; without, GET /metrics is 501.' },
  mid_stream_error: { on: false, what: 'Every stream breaks after three tokens, with an error event under status 200.' },
  sleep_when_idle: { on: false, what: 'Started with --sleep-idle-seconds 60: an idle model leaves the card, and the next request brings it back.' },
  sleep_keeps_context: { on: true, what: 'A sleeping model keeps its CUDA context (issue #19379).' },
} as const;

/** What llama.cpp's llama-server does in single-model mode. The default is the real server's. */
export const LLAMA_SERVER_QUIRKS = {
  ...CHILD_QUIRKS,
  loads_after_bind: { on: true, what: 'The port opens before the model is loaded; until then every path answers 503. Off: the port opens when it is loaded.' },
} as const;

/** What llama.cpp's llama-server does in router mode. The default is the real server's. */
export const LLAMA_ROUTER_QUIRKS = {
  ...CHILD_QUIRKS,
  nonstream_outlives_client: { on: true, what: 'A request that does not stream goes on to its end though its client has left.' },
  unload_kills_running: { on: true, what: 'An unload stalls running answers, keeps the model for up to 10 s and then kills it. Off: it waits for them.' },
  load_twice_is_400: { on: true, what: 'A load of a model that is running is 400 "model is already running". Off: 200.' },
  unload_twice_is_400: { on: true, what: 'An unload of a model that is not running is 400 "model is not running". Off: 200.' },
  gets_need_model: { on: true, what: 'GETs of one model without ?model= are 400. Off: the first model is meant.' },
  models_autoload: { on: true, what: 'A request loads its model. Off, as with --no-models-autoload: 400 "model is not loaded".' },
  one_model: { on: false, what: 'Started with --models-max 1: a load first unloads the model that was used longest ago.' },
  router_holds_context: { on: false, what: 'The router itself keeps 500 MiB of the card, as before #23137.' },
} as const;
