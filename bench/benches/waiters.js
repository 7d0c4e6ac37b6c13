import { setTimeout as delay } from 'node:timers/promises';
import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper, rssMib } from '../support/processes.js';
import { figure, table } from '../support/report.js';
import { GATED } from '../support/requests.js';

const WAITING = 10_000;
const MOST_MIB = 150;
const MOST_KIB_EACH = 25;
const MOST_P99_MS = 100;
/** How long the health and the status are asked for while all wait, s. */
const ASKING_S = 2;
const QUESTIONS = { healthz: '/healthz', status: '/v1/status' };
/** All of them are one client. */
const SETTINGS = { queue: { max_waiting: 20_000, max_waiting_per_client: 20_000 }, limits: { connections: 30_000 } };
/** The second crowd shows whether the first has left anything behind. */
const CROWDS = 2;

export const about = '10,000 clients wait over real sockets: memory of the daemon, how quickly it tells its state, and what they leave behind';

export async function run({ root, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const daemon = await startDaemon(settingsFor(port, SETTINGS), { root });
  try {
    await daemon.probed();
    await client.ask('load', { port: daemon.port, request: GATED, connections: 32, seconds: 1 });
    await upstream.ask('hold');
    const crowds = [];
    for (let crowd = 1; crowd <= CROWDS; crowd += 1) crowds.push(await measure({ crowd, client, upstream, daemon }));
    report(crowds, goals);
  } finally {
    await Promise.all([client.end(), daemon.end(), upstream.end()]);
  }
}

async function measure({ crowd, client, upstream, daemon }) {
  const before = rssMib(daemon.pid);
  const startedAt = performance.now();
  await client.ask('gather', { port: daemon.port, request: GATED, count: WAITING + 1, localAddress: `127.0.2.${crowd}` });
  await scheduler(daemon, ({ queue_depth }) => queue_depth === WAITING);
  const seconds = (performance.now() - startedAt) / 1000;
  await delay(500);
  const at = rssMib(daemon.pid);
  const p99 = await asked(client, daemon.port);
  await client.ask('disperse');
  // The one that runs is not cut by its client's leaving: its consumer has to stop.
  await upstream.ask('go');
  const left = await scheduler(daemon, ({ queue_depth, in_flight }) => queue_depth === 0 && in_flight === 0);
  await upstream.ask('hold');
  return { crowd, before, at, after: rssMib(daemon.pid), seconds, p99, left: left.queue_depth + left.in_flight };
}

/** p99 of each question in ms, one after the other on one connection. */
async function asked(client, port) {
  const times = {};
  for (const [name, path] of Object.entries(QUESTIONS)) {
    const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    times[name] = (await client.ask('load', { port, request, connections: 1, seconds: ASKING_S })).p99;
  }
  return times;
}

/** The scheduler's numbers once `isReached`, or after 20 s as they are then. */
async function scheduler(daemon, isReached) {
  const until = performance.now() + 20_000;
  for (;;) {
    const { scheduler: numbers } = await daemon.status();
    if (isReached(numbers) || performance.now() > until) return numbers;
    await delay(50);
  }
}

function report(crowds, goals) {
  table(['crowd', 'RSS before MiB', 'at MiB', 'after MiB', 'grown MiB', 'KiB each', 'gathered in s', ...Object.keys(QUESTIONS).map((name) => `${name} p99 ms`), 'left waiting or running'], crowds.map((each) => {
    const grown = each.at - each.before;
    return [each.crowd, ...[each.before, each.at, each.after, grown, (grown * 1024) / WAITING, each.seconds, ...Object.values(each.p99)].map(figure), each.left];
  }));
  const [first] = crowds;
  goals.atMost(`waiters: memory of ${WAITING}`, MOST_MIB, { measured: first.at - first.before, unit: ' MiB' });
  goals.atMost('waiters: memory of each', MOST_KIB_EACH, { measured: ((first.at - first.before) * 1024) / WAITING, unit: ' KiB' });
  for (const name of Object.keys(QUESTIONS)) {
    goals.atMost(`waiters: p99 of ${name} beside ${WAITING}`, MOST_P99_MS, { measured: Math.max(...crowds.map(({ p99 }) => p99[name])), unit: ' ms' });
  }
  goals.atMost('waiters: left behind', 0, { measured: crowds.reduce((sum, { left }) => sum + left, 0) });
}
