import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper } from '../support/processes.js';
import { Quiet } from '../support/quiet.js';
import { figure, spreadText, table } from '../support/report.js';
import { grouped, median } from '../support/statistics.js';

const MIB = 200;
const REQUESTS = 200;
const MOST_ADDED_MS = 1;
const LEAST_OF_PIPE = 0.8;

export const about = `the first byte of a stream, and one body of ${MIB} MiB, against a bare pipe in Node`;

export async function run({ root, rounds, goals }) {
  const upstream = await Helper.start('contestants/upstream.js');
  const pipe = await Helper.start('contestants/pipe.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const ours = await startDaemon(settingsFor(port), { root });
  try {
    await ours.probed();
    const contestants = [
      { name: 'direct', port },
      { name: 'pipe', port: await pipe.ask('start', { target: `http://127.0.0.1:${port}` }) },
      { name: 'ours', port: ours.port },
    ];
    report(await measured({ contestants, client, rounds }), goals);
  } finally {
    await Promise.all([client, ours, pipe, upstream].map((each) => each.end()));
  }
}

/** Interleaved; by contestant, one result for each round. */
async function measured({ contestants, client, rounds }) {
  const quiet = new Quiet();
  const results = [];
  for (const { port } of contestants) await turn(client, port);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, port } of contestants) results.push([name, await quiet.during(() => turn(client, port))]);
  }
  quiet.print();
  return grouped(results);
}

async function turn(client, port) {
  const { p50, p99 } = await client.ask('firstBytes', { port, path: '/audio/stream', count: REQUESTS });
  const startedAt = performance.now();
  await client.ask('download', { port, mib: MIB });
  return { p50, p99, rate: MIB / ((performance.now() - startedAt) / 1000) };
}

function report(results, goals) {
  const of = (name, key) => results[name].map((each) => each[key]);
  table(['contestant', 'first byte p50 ms', 'p99 ms', 'MiB/s'], Object.keys(results).map((name) => [
    name, spreadText(of(name, 'p50')), figure(median(of(name, 'p99'))), spreadText(of(name, 'rate')),
  ]));
  const added = of('ours', 'p50').map((ms, round) => ms - results.direct[round].p50);
  const share = of('ours', 'rate').map((rate, round) => rate / results.pipe[round].rate);
  goals.atMost('streams: first byte over direct', MOST_ADDED_MS, { measured: median(added), unit: ' ms' });
  goals.atLeast(`streams: rate of ${MIB} MiB, ours / pipe`, LEAST_OF_PIPE, { measured: median(share), unit: '×' });
}
