/** What vLLM's server does. The default is vLLM V1, started for one who wants it to sleep. */
export const VLLM_QUIRKS = {
  dev_mode: { on: true, what: 'Started with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode; without, /sleep and its like are 404.' },
  load_tracking: { on: true, what: 'Started with --enable-server-load-tracking; without, /load always says 0.' },
  silent_keep_alive: { on: true, what: 'A connection ends after 5 s without a request, and no header says so.' },
  stream_head_at_once: { on: true, what: 'A stream has its head, with status 200, before the engine has taken the request.' },
  sleep_aborts: { on: true, what: '/sleep without a mode ends running requests with finish_reason "abort". Off: it waits for them.' },
  sleep_returns_early: { on: false, what: '/sleep and /wake_up answer before they have done anything, as in V0.' },
  asleep_request_kills: { on: false, what: 'A request to a sleeping engine kills it, as in V0. Otherwise it hangs until the wake-up.' },
  residual_stays: { on: true, what: '1200 MiB of context and graphs stay on the card while the engine sleeps.' },
  wake_leaks: { on: true, what: 'A wake-up that runs out of memory keeps what it had taken until then (#34600).' },
  wake_oom_kills: { on: false, what: 'A wake-up that runs out of memory kills the engine (#36753).' },
  health_ignores_engine: { on: false, what: '/health is 200 though the engine is dead (#7633).' },
  mid_stream_error: { on: false, what: 'Every answer breaks after three tokens, a stream with an error event under status 200.' },
} as const;
