import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A simulated card of `totalMib` MiB with the four simulated servers of the checkout at `root`, each a process of its own.
 * whisper-server is started and stopped by a command, as a systemd unit is.
 */
export async function startFleet(root, totalMib) {
  const built = (path) => import(`${root}/dist/lib/demo/${path}.js`);
  const [{ createCard }, { Fleet, SERVERS }, { serveUnit }, { readWork }] = await Promise.all(['card', 'fleet', 'unit', 'servers/work-record'].map(built));
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-bench-fleet-'));
  const { binDir } = createCard(dir, { totalMib });
  const fleet = new Fleet(dir);
  const socket = join(dir, 'unit.sock');
  const unit = await serveUnit(socket, (action) => (action === 'start' ? fleet.start('whisper') : fleet.stop('whisper')));
  // One after the other, so that not even their first loads overlap in the record.
  for (const name of SERVERS) await fleet.start(name);
  return {
    path: `${binDir}:${process.env.PATH}`,
    url: (name) => fleet.url(name),
    unitCommand: (action) => ({ command: [process.execPath, join(root, 'dist/lib/demo/unit.js'), action, socket] }),
    work: () => readWork(dir),
    async end() {
      unit.close();
      await fleet.stopAll();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
