const CARD_MIB = 16_376;

/** The fakes with their memory, MiB: alpha and beta fit beside each other, gamma fits beside neither. */
export const FAKES = { alpha: 5000, beta: 4000, gamma: 13_000, delta: 500 };

export { CARD_MIB };

/** Short limits, so that every one of them is reached many times in a minute. */
const LIMITS = {
  gpu: { concurrency: 4, poll_interval: '1s' },
  health: { interval: '300ms', timeout: '1s' },
  queue: { max_wait: '5s', aging: '1s', keepalive_after: '100ms' },
  timeouts: { connect: '500ms', first_byte: '500ms', idle: '500ms', client_idle: '1s' },
  eviction: { settle_timeout: '2s' },
  leases: { ttl: '1s' },
  limits: { body: '8MiB', spool: '256MiB' },
};

const MODELS = {
  'soak-chat': { consumer: 'alpha', aliases: ['soak-alias'], strip_params: ['user'], set_params: { temperature: 0 } },
  'soak/*': { consumer: 'alpha', use_model_name: '*' },
  'soak-speech': { consumer: 'beta' },
  'soak-whisper': { consumer: 'beta', use_model_name: 'whisper-1' },
  'soak-image': { consumer: 'gamma' },
};

/** The daemon's configuration for fakes at `ports`. `delta` comes and goes with reloads; so does a setting. */
export function settingsFor(ports, { withDelta = true, aging = '1s' } = {}) {
  const names = Object.keys(ports).filter((name) => withDelta || name !== 'delta');
  return {
    ...LIMITS,
    queue: { ...LIMITS.queue, aging },
    routing: { tts: 'beta', stt: 'beta', llm: 'alpha', image: 'gamma' },
    audio_proxy: 'beta',
    models: MODELS,
    consumers: Object.fromEntries(names.map((name) => [name, consumerAt(ports[name], FAKES[name])])),
  };
}

function consumerAt(port, mib) {
  const path = { path: '/work' };
  return {
    url: `http://127.0.0.1:${port}`,
    paths: { tts: path, stt: path, llm: path, image: path },
    gpu_paths: ['POST /*', 'GET /gpu/*'],
    vram_resident_mib: mib,
    load: { path: '/load' },
    unload: { path: '/unload' },
    max_concurrency: 4,
  };
}
