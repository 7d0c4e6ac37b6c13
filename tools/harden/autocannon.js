import { figure, table } from '../../bench/support/report.js';

const PACKAGE = 'autocannon';
const CONNECTIONS = 50;
/** How many requests at each door; of pipelined ones so few on a connection that none meets its last (1000), behind which the rest of a pipeline is lost. */
const RUNS = {
  '/healthz, pipelined': { path: '/healthz', amount: 900 * CONNECTIONS, pipelining: 10 },
  '/audio/x': { path: '/audio/x', amount: 200 * CONNECTIONS },
  '/v1/llm': { path: '/v1/llm', amount: 100 * CONNECTIONS, method: 'POST', body: '{"prompt":"x"}', headers: { 'content-type': 'application/json' } },
};

export const about = `${PACKAGE}, ${CONNECTIONS} connections at each of three doors`;

export async function needs() {
  try {
    return { autocannon: (await import(PACKAGE)).default };
  } catch {
    return { missing: `npm package ${PACKAGE}` };
  }
}

export async function run({ daemon, needs: { autocannon }, goals }) {
  const rows = [];
  for (const [name, { path, pipelining = 1, ...settings }] of Object.entries(RUNS)) {
    const result = await autocannon({ url: `http://127.0.0.1:${daemon.port}${path}`, connections: CONNECTIONS, pipelining, ...settings });
    rows.push([name, figure(result.requests.total / result.duration), result.latency.p50, result.latency.p99]);
    goals.atMost(`${name}: errors and timeouts`, 0, { measured: result.errors + result.timeouts });
    goals.atMost(`${name}: answers that are no 2xx`, 0, { measured: result.non2xx });
    // It ends a connection as soon as it has sent its share, whatever of the last pipeline is still on its way.
    const unheard = CONNECTIONS * (pipelining - 1);
    goals.atLeast(`${name}: answers`, settings.amount - unheard, { measured: result['2xx'] });
  }
  table(['door', 'requests/s', 'p50 ms', 'p99 ms'], rows);
}
