import { settingsFor, startDaemon } from '../support/daemon.js';
import { cpuMs, Helper, pinApart } from '../support/processes.js';
import { Quiet } from '../support/quiet.js';
import { figure, spreadText, table } from '../support/report.js';
import { GATED, UNGATED } from '../support/requests.js';
import { grouped, median } from '../support/statistics.js';

const PER_SECOND = 50;
const KINDS = ['gated', 'ungated'];
/** Long enough for some samples and probes, whose cost is in both. */
const TURN_SECONDS = 8;
/** Until V8 has compiled what is hot: at so few requests a second that would take half an hour. */
const WARM_SECONDS = 4;
/** A page that has just been opened asks for more than one that is watched. */
const OPENED_SECONDS = 1;
/** The cost is a few percent, so there are more rounds than elsewhere. */
const LEAST_ROUNDS = 7;
const MOST_CPU = 1.1;
const MOST_LATENCY = 1.05;

export const about = `what one open dashboard costs a daemon with ${PER_SECOND} requests a second, half of them gated`;

/** The same daemon with and without a dashboard in turn; a ratio is that of one round. */
export async function run({ root, pin, rounds, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const daemon = await startDaemon(settingsFor(await upstream.ask('start')), { root });
  await daemon.probed();
  if (pin) console.log(`${pinApart([daemon.pid], [upstream.pid, client.pid])}\n`);
  const quiet = new Quiet();
  try {
    for (const request of [GATED, UNGATED]) await client.ask('load', { port: daemon.port, request, connections: 8, seconds: WARM_SECONDS });
    report(await measured({ client, daemon, quiet, rounds: Math.max(rounds, LEAST_ROUNDS) }), goals);
    quiet.print();
  } finally {
    await Promise.all([daemon, client, upstream].map((each) => each.end()));
  }
}

/** Results of both, one for each round. */
async function measured({ rounds, ...field }) {
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    // Neither is always first.
    const order = round % 2 === 0 ? [null, 'dashboard'] : ['dashboard', null];
    for (const watcher of order) results.push([watcher ?? 'nobody', await (watcher === null ? turn(field, null) : watchedTurn(field))]);
  }
  return grouped(results);
}

async function watchedTurn(field) {
  const dashboard = await Helper.start('contestants/dashboard.js');
  try {
    await dashboard.ask('open', { port: field.daemon.port });
    return await turn(field, dashboard);
  } finally {
    await dashboard.end();
  }
}

async function turn({ client, daemon, quiet }, dashboard) {
  const { port, pid } = daemon;
  const load = (seconds) => client.ask('paced', { port, requests: [GATED, UNGATED], perSecond: PER_SECOND, seconds });
  await load(OPENED_SECONDS);
  return quiet.during(async () => {
    const [seen, before] = [await dashboard?.ask('seen'), cpuMs(pid)];
    const p50s = await load(TURN_SECONDS);
    const cpuShare = (cpuMs(pid) - before) / (TURN_SECONDS * 1000);
    return { gated: p50s[0].p50, ungated: p50s[1].p50, cpuShare, told: difference(await dashboard?.ask('seen'), seen) };
  });
}

/** Events and questions a second. null: nobody watched. */
function difference(after, before) {
  if (after === undefined) return null;
  return { events: (after.lastId - before.lastId) / TURN_SECONDS, questions: (after.questions - before.questions) / TURN_SECONDS };
}

function report({ nobody, dashboard }, goals) {
  const row = (name, turns) => [
    name,
    spreadText(turns.map(({ cpuShare }) => cpuShare * 100)),
    ...KINDS.map((kind) => spreadText(turns.map((each) => each[kind] * 1000))),
  ];
  table(['watched by', 'CPU, % of a core', ...KINDS.map((kind) => `${kind} p50 µs`)], [row('nobody', nobody), row('one dashboard', dashboard)]);
  const [events, questions] = ['events', 'questions'].map((what) => figure(median(dashboard.map(({ told }) => told[what]))));
  const ratios = (figureOf) => dashboard.map((each, round) => figureOf(each) / figureOf(nobody[round]));
  const ratioOf = Object.fromEntries(['cpuShare', ...KINDS].map((what) => [what, ratios((each) => each[what])]));
  console.log(`\nthe dashboard took ${events} events a second and asked ${questions} times a second; with it / without, of one round:`);
  for (const [what, each] of Object.entries(ratioOf)) console.log(`${what} ${spreadText(each, '×')}`);
  goals.atMost('watched: CPU of the daemon, with a dashboard / without', MOST_CPU, { measured: median(ratioOf.cpuShare), unit: '×' });
  for (const kind of KINDS) goals.atMost(`watched: p50 of ${kind} requests, with / without`, MOST_LATENCY, { measured: median(ratioOf[kind]), unit: '×' });
}
