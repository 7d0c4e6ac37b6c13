import { setTimeout as delay } from 'node:timers/promises';
import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper } from '../support/processes.js';
import { Quiet } from '../support/quiet.js';
import { figure, spreadText, table } from '../support/report.js';
import { GATED } from '../support/requests.js';
import { percentile } from '../support/statistics.js';

const CROWDS = [10, 10_000];
const MOST_MS = 1;
/** All of them are one client. */
const SETTINGS = { queue: { max_waiting: 20_000, max_waiting_per_client: 20_000 }, limits: { connections: 30_000 } };
/** These do not count: the code is still cold. */
const WARM_TURNS = 2;

export const about = 'from the end of one answer to the next request, seen by the consumer, with 10 and with 10,000 waiting';

/** Interleaved: each crowd has its own daemon, and all of them stand still but one. */
export async function run({ root, rounds, seconds, goals }) {
  const places = [];
  const quiet = new Quiet();
  try {
    for (const [index, count] of CROWDS.entries()) places.push(await gather({ root, count, localAddress: `127.0.1.${index + 1}` }));
    for (let round = 0; round < rounds + WARM_TURNS; round += 1) {
      for (const place of places) {
        const gaps = await quiet.during(() => turn(place, seconds));
        if (round >= WARM_TURNS) count(place, gaps);
      }
    }
    quiet.print();
  } finally {
    await Promise.all(places.map((place) => place.end()));
  }
  report(places, goals);
}

async function gather({ root, count, localAddress }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const daemon = await startDaemon(settingsFor(port, SETTINGS), { root });
  await daemon.probed();
  await upstream.ask('hold');
  await client.ask('gather', { port: daemon.port, request: GATED, count: count + 1, localAddress });
  await waiting(daemon, count);
  const end = () => Promise.all([client.end(), daemon.end(), upstream.end()]);
  return { count, upstream, client, daemon, end, p50: [], p99: [], leases: 0 };
}

async function waiting(daemon, count) {
  while ((await daemon.status()).scheduler.queue_depth < count) await delay(20);
}

/** Lets one daemon work for a while. Returns the gaps, ms. */
async function turn({ upstream }, seconds) {
  await upstream.ask('go');
  await delay(seconds * 1000);
  const { gaps } = await upstream.ask('seen');
  await upstream.ask('hold');
  return gaps;
}

function count(place, gaps) {
  place.leases += gaps.length;
  place.p50.push(percentile(gaps, 0.5));
  place.p99.push(percentile(gaps, 0.99));
}

function report(places, goals) {
  table(['waiting', 'p50 ms', 'p99 ms', 'leases'], places.map(({ count, p50, p99, leases }) => [count, spreadText(p50), spreadText(p99), leases]));
  for (const { count, p50, p99 } of places) {
    const note = `(p99 ${figure(percentile(p99, 0.5))} ms)`;
    goals.atMost(`handoff: p50 with ${count} waiting`, MOST_MS, { measured: percentile(p50, 0.5), unit: ' ms', note });
  }
}
