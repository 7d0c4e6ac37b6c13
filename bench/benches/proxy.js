import { settingsFor, startDaemon } from '../support/daemon.js';
import { startGateways } from '../support/gateways.js';
import { cpuMs, Helper, pinApart } from '../support/processes.js';
import { Quiet } from '../support/quiet.js';
import { figure, spreadText, table, title } from '../support/report.js';
import { GATED, UNGATED } from '../support/requests.js';
import { grouped, median } from '../support/statistics.js';

/** Until V8 has compiled what is hot, s. */
const WARM_SECONDS = 4;

const PATHS = [
  { path: 'ungated', request: UNGATED, words: 'GET /audio/one.json', mostAdded: 0.8, leastRate: 1.4, leastOfPipe: 0.6 },
  { path: 'gated', request: GATED, words: 'POST /v1/llm', mostAdded: 1.0, leastRate: 0.85, leastOfPipe: null },
];
/** Proxies in Node, each in a process of its own. */
const IN_NODE = ['pipe', 'stock'];

export const about = 'the whole request path, against a bare pipe in Node, Express 5 + http-proxy-middleware 4 and nothing else, nginx and HAProxy';

/** Interleaved: in each round each contestant takes its turn, and a ratio is that of one round. */
export async function run({ root, also, pin, rounds, seconds, goals }) {
  const field = await startField({ root, also });
  const quiet = new Quiet();
  if (pin) console.log(pinApart(field.contestants.slice(1).map(({ pid }) => pid), field.load));
  try {
    for (const each of PATHS) await compare({ ...each, ...field, quiet, rounds, seconds, goals });
    quiet.print();
  } finally {
    await field.end();
  }
}

async function startField({ root, also }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const target = `http://127.0.0.1:${port}`;
  const inNode = await Promise.all(IN_NODE.map((name) => startInNode(name, target)));
  const gateways = await startGateways(port);
  const ours = await startDaemon(settingsFor(port), { root });
  const other = also === undefined ? null : await startDaemon(settingsFor(port), { root: also });
  await Promise.all([ours.probed(), other?.probed()]);
  const contestants = [
    { name: 'direct', pid: upstream.pid, port },
    ...inNode,
    ...gateways,
    { name: 'ours', pid: ours.pid, port: ours.port },
    ...(other === null ? [] : [{ name: 'also', pid: other.pid, port: other.port }]),
  ];
  const all = [ours, other, client, ...inNode, ...gateways, upstream];
  return { client, contestants, load: [upstream.pid, client.pid], end: () => Promise.all(all.map((each) => each?.end())) };
}

async function startInNode(name, target) {
  const helper = await Helper.start(`contestants/${name}.js`);
  return { name, pid: helper.pid, port: await helper.ask('start', { target }), end: () => helper.end() };
}

async function compare({ path, words, mostAdded, leastRate, leastOfPipe, goals, ...how }) {
  const { client, contestants, request } = how;
  title(`proxy, ${path} (${words})`);
  for (const { port } of contestants) await client.ask('load', { port, request, connections: 32, seconds: WARM_SECONDS });
  const one = await measured({ ...how, connections: 1 });
  const many = await measured({ ...how, connections: 32 });
  const direct = one.direct.map(({ p50 }) => p50);
  const added = (name) => one[name].map(({ p50 }, round) => p50 - direct[round]);
  table(
    ['contestant', 'p50 µs at 1', 'added µs', 'p99 µs at 1', 'req/s at 32', 'p50 ms at 32', 'p99 ms at 32', 'own CPU µs/req'],
    contestants.map(({ name }) => [
      name,
      spreadText(one[name].map(({ p50 }) => p50 * 1000)),
      spreadText(added(name).map((ms) => ms * 1000)),
      figure(median(one[name].map(({ p99 }) => p99 * 1000))),
      spreadText(many[name].map(({ perSecond }) => perSecond)),
      figure(median(many[name].map(({ p50 }) => p50))),
      figure(median(many[name].map(({ p99 }) => p99))),
      spreadText(many[name].map(({ cpuUs }) => cpuUs)),
    ]),
  );
  const rateTo = (name, other) => many[name].map(({ perSecond }, round) => perSecond / many[other][round].perSecond);
  for (const { name } of contestants.filter((each) => each.name !== 'direct' && each.name !== 'stock')) {
    const latency = added(name).map((ms, round) => ms / added('stock')[round]);
    const rate = rateTo(name, 'stock');
    console.log(`\n${name} / stock: added p50 ${spreadText(latency, '×')}, req/s ${spreadText(rate, '×')}`);
    if (name !== 'ours') continue;
    if (leastOfPipe !== null) goals.atLeast(`${path}: req/s at 32 connections, ours / pipe`, leastOfPipe, { measured: median(rateTo(name, 'pipe')), unit: '×' });
    goals.atMost(`${path}: added p50 at 1 connection, ours / stock`, mostAdded, { measured: median(latency), unit: '×' });
    goals.atLeast(`${path}: req/s at 32 connections, ours / stock`, leastRate, { measured: median(rate), unit: '×' });
  }
}

/** Results by contestant, one for each round. */
async function measured({ client, contestants, quiet, request, rounds, seconds, connections }) {
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    // Nobody is always first.
    const order = contestants.map((_, place) => contestants[(place + round) % contestants.length]);
    for (const { name, pid, port } of order) {
      const turn = async () => {
        const before = cpuMs(pid);
        const result = await client.ask('load', { port, request, connections, seconds });
        return { ...result, cpuUs: ((cpuMs(pid) - before) * 1000) / result.requests };
      };
      results.push([name, await quiet.during(turn)]);
    }
  }
  return grouped(results);
}
