import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Helper } from '../../bench/support/processes.js';
import { DaemonProcess } from '../support/daemon.js';
import { startFake } from '../support/fakes.js';
import { CARD_MIB, FAKES, settingsFor } from './settings.js';

/** The simulated card, the fakes, the daemon before them and the process that makes the traffic. Run `end` at the end. */
export async function startScene(root) {
  const { createCard } = await import(`${root}/dist/lib/demo/card.js`);
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-soak-'));
  const { binDir } = createCard(dir, { totalMib: CARD_MIB });
  const { fakes, ports } = await startFakes(root, dir);
  const daemon = await DaemonProcess.start(settingsFor(ports), { root, path: `${binDir}:${process.env.PATH}` });
  await daemon.probed();
  const traffic = await Helper.start('../tools/soak/traffic.js');
  return {
    card: dir,
    daemon,
    fakes,
    ports,
    traffic,
    async end() {
      await Promise.all([traffic.end(), daemon.end(), ...Object.values(fakes).map((fake) => fake.end())]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startFakes(root, card) {
  const [fakes, ports] = [{}, {}];
  for (const [name, mib] of Object.entries(FAKES)) {
    const { fake, port } = await startFake({ root, card, name, mib });
    Object.assign(fakes, { [name]: fake });
    Object.assign(ports, { [name]: port });
  }
  return { fakes, ports };
}
