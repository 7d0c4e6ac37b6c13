import { DaemonProcess } from '../support/daemon.js';
import { startFake } from '../support/fakes.js';

/** Short limits, so that every one of them is reached while one waits. */
const LIMITS = {
  health: { interval: '500ms', timeout: '1s' },
  queue: { max_wait: '20s' },
  timeouts: { connect: '1s', first_byte: '3s', idle: '3s', client_idle: '2s' },
  limits: { body: '16MiB' },
};

/** One fake for everything and the daemon before it. `host`: where the fake listens; `env`, `output`: the daemon's. */
export async function startScene({ root, host = '127.0.0.1', env, output }) {
  const { fake, port } = await startFake({ root, host });
  const daemon = await DaemonProcess.start(settingsFor(`http://${host}:${port}`), { root, ...(env && { env }), ...(output && { output }) });
  await daemon.probed();
  return { root, fake, daemon, end: () => Promise.all([daemon.end(), fake.end()]) };
}

function settingsFor(url) {
  const path = { path: '/work' };
  return {
    ...LIMITS,
    routing: { tts: 'one', stt: 'one', llm: 'one', image: 'one' },
    audio_proxy: 'one',
    models: { 'known*': { consumer: 'one' } },
    consumers: { one: { url, paths: { tts: path, stt: path, llm: path, image: path } } },
  };
}
