import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper } from '../support/processes.js';
import { table } from '../support/report.js';

const AT_ONCE = 60;
const BURSTS = 10;
/** As uvicorn and cpp-httplib close idle connections, ms. */
const IDLE_MS = 5000;

export const about = `${AT_ONCE * BURSTS} POSTs that come when their server closes its idle connections: how many fail`;

export async function run({ root, goals }) {
  const [upstream, stock, client] = await Promise.all(['upstream', 'stock', 'clients'].map((name) => Helper.start(`contestants/${name}.js`)));
  const port = await upstream.ask('start', { idleMs: IDLE_MS });
  const ours = await startDaemon(settingsFor(port), { root });
  try {
    await ours.probed();
    const contestants = { stock: { port: await stock.ask('start', { target: `http://127.0.0.1:${port}` }), path: '/slow' }, ours: { port: ours.port, path: '/upstream/one/slow' } };
    const failures = {};
    await Promise.all(Object.entries(contestants).map(async ([name, where]) => {
      failures[name] = await client.ask('posts', { ...where, count: AT_ONCE, bursts: BURSTS, everyMs: IDLE_MS });
    }));
    table(['contestant', 'failed', 'how'], Object.entries(failures).map(([name, each]) => [name, sum(each), JSON.stringify(each)]));
    goals.atMost('stale: failed POSTs', 0, { measured: sum(failures.ours) });
  } finally {
    await Promise.all([client, ours, stock, upstream].map((each) => each.end()));
  }
}

function sum(failures) {
  return Object.values(failures).reduce((all, each) => all + each, 0);
}
