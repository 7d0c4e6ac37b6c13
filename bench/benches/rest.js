import { setTimeout as delay } from 'node:timers/promises';
import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper, rssMib } from '../support/processes.js';
import { figure, spreadText, table } from '../support/report.js';
import { median } from '../support/statistics.js';

const MOST_START_MS = 400;
/** 80 MB. */
const MOST_MIB = 80e6 / 2 ** 20;
/** Probes and samples have settled by then. */
const REST_MS = 3000;

export const about = 'a daemon from its start to its listening, and its memory at rest';

export async function run({ root, rounds, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const port = await upstream.ask('start');
  const [starts, rests] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    const daemon = await startDaemon(settingsFor(port), { root });
    // It says so to its parent when it listens.
    starts.push(performance.now() - startedAt);
    await daemon.probed();
    await delay(REST_MS);
    rests.push(rssMib(daemon.pid));
    await daemon.end();
  }
  await upstream.end();
  table(['start to listening ms', 'RSS at rest MiB'], [[spreadText(starts), spreadText(rests)]]);
  goals.atMost('rest: start to listening', MOST_START_MS, { measured: median(starts), unit: ' ms' });
  goals.atMost('rest: RSS', Number(figure(MOST_MIB)), { measured: median(rests), unit: ' MiB' });
}
