import { Helper } from '../../bench/support/processes.js';

/** Starts a fake inference server (fake.js). With `card`, the folder of a simulated card, it holds `mib` MiB of it when loaded. */
export async function startFake({ root, card, name = 'one', mib = 0, host = '127.0.0.1' }) {
  const env = { FAKE_ROOT: root, FAKE_NAME: name, FAKE_MIB: String(mib), ...(card === undefined ? {} : { FAKE_CARD: card }) };
  const fake = await Helper.start('../tools/support/fake.js', { env });
  return { fake, port: await fake.ask('start', host) };
}
