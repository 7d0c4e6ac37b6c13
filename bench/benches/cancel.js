import { Helper } from '../support/processes.js';
import { spreadText, table } from '../support/report.js';
import { grouped, median } from '../support/statistics.js';

const WAITING = 10_000;
const CANCELS = 500;
const MOST_US = 50;
const CONTESTANTS = ['gate', 'p-queue'];

export const about = 'one of 10,000 waiters leaves (in one process, no sockets)';

/** Each contestant in a process of its own; in each round each takes its turn. */
export async function run({ root, rounds, goals }) {
  const helpers = await Promise.all(CONTESTANTS.map((name) => Helper.start(`contestants/cancel-${name}.js`, { env: { BENCH_ROOT: root } })));
  for (const helper of helpers) await helper.ask('fill', { count: WAITING });
  const results = [];
  // The first round warms the code up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, name] of CONTESTANTS.entries()) {
      const result = await helpers[index].ask('cancel', { count: CANCELS });
      if (round > 0) results.push([name, result]);
    }
  }
  await Promise.all(helpers.map((helper) => helper.end()));
  report(grouped(results), goals);
}

function report(results, goals) {
  table(['queue', 'mean µs', 'p50 µs', 'p99 µs'], Object.entries(results).map(([name, rounds]) => {
    return [name, ...['mean', 'p50', 'p99'].map((key) => spreadText(rounds.map((round) => round[key])))];
  }));
  goals.atMost(`cancel: one of ${WAITING} waiters`, MOST_US, { measured: median(results.gate.map(({ mean }) => mean)), unit: ' µs' });
}
