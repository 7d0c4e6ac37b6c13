import { figure, table } from '../../bench/support/report.js';

const PACKAGE = 'autocannon';
const SECONDS = 5;
const RUNS = {
  '/healthz, pipelined': { path: '/healthz', connections: 50, pipelining: 10 },
  '/audio/x': { path: '/audio/x', connections: 50 },
  '/v1/llm': { path: '/v1/llm', method: 'POST', body: '{"prompt":"x"}', headers: { 'content-type': 'application/json' }, connections: 50 },
};

export const about = `${PACKAGE}, ${SECONDS} s at each of three doors`;

export async function needs() {
  try {
    return { autocannon: (await import(PACKAGE)).default };
  } catch {
    return { missing: `npm package ${PACKAGE}` };
  }
}

export async function run({ daemon, needs: { autocannon }, goals }) {
  const rows = [];
  for (const [name, { path, ...settings }] of Object.entries(RUNS)) {
    const result = await autocannon({ url: `http://127.0.0.1:${daemon.port}${path}`, duration: SECONDS, ...settings });
    rows.push([name, figure(result.requests.average), result.latency.p50, result.latency.p99, result.non2xx]);
    goals.atMost(`${name}: errors and timeouts`, 0, { measured: result.errors + result.timeouts });
    goals.atMost(`${name}: answers that are no 2xx`, 0, { measured: result.non2xx });
  }
  table(['door', 'requests/s', 'p50 ms', 'p99 ms', 'no 2xx'], rows);
}
