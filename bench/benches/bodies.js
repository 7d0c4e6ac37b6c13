import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper, rssMib } from '../support/processes.js';
import { figure, table } from '../support/report.js';

const MIB = 200;
const MOST_MIB = 64;
const SAMPLE_MS = 50;

export const about = `two downloads and one upload of ${MIB} MiB at once: growth of the daemon's memory`;

export async function run({ root, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const clients = await Promise.all([0, 1, 2].map(() => Helper.start('contestants/clients.js')));
  const port = await upstream.ask('start');
  const daemon = await startDaemon(settingsFor(port), { root });
  try {
    await daemon.probed();
    await transfer({ clients, port: daemon.port, mib: MIB / 4 });
    const before = rssMib(daemon.pid);
    const { peak, seconds } = await watched(daemon.pid, () => transfer({ clients, port: daemon.port, mib: MIB }));
    table(['RSS before MiB', 'peak MiB', 'after MiB', 'grown MiB', 'MiB/s in all'], [
      [before, peak, rssMib(daemon.pid), peak - before, (3 * MIB) / seconds].map(figure),
    ]);
    goals.atMost(`bodies: growth with 3 × ${MIB} MiB under way`, MOST_MIB, { measured: peak - before, unit: ' MiB' });
  } finally {
    await Promise.all([...clients.map((each) => each.end()), daemon.end(), upstream.end()]);
  }
}

function transfer({ clients: [first, second, third], port, mib }) {
  return Promise.all([first.ask('download', { port, mib }), second.ask('download', { port, mib }), third.ask('upload', { port, mib })]);
}

async function watched(pid, work) {
  const startedAt = performance.now();
  let peak = 0;
  const look = () => (peak = Math.max(peak, rssMib(pid)));
  const timer = setInterval(look, SAMPLE_MS);
  await work();
  clearInterval(timer);
  look();
  return { peak, seconds: (performance.now() - startedAt) / 1000 };
}
