import { gated, servedAgain } from './work.js';

const CLIENTS = 5;
/** `timeouts.first_byte` of the scene bounds each; then it is known as ill and they are refused at once. */
const LIMIT_MS = 20_000;

export const about = 'the consumer stands still (SIGSTOP): its kernel accepts and acknowledges, and nothing answers';

export async function run({ daemon, fake, goals }) {
  process.kill(fake.pid, 'SIGSTOP');
  const startedAt = performance.now();
  const statuses = await Promise.all(Array.from({ length: CLIENTS }, () => gated(daemon.port)));
  const tookMs = performance.now() - startedAt;
  process.kill(fake.pid, 'SIGCONT');
  goals.atLeast('clients told 503 or 504', CLIENTS, { measured: statuses.filter((status) => status === 503 || status === 504).length, note: `(${statuses.join(', ')})` });
  goals.atMost('all of them told within', LIMIT_MS, { measured: tookMs, unit: ' ms' });
  goals.atMost('served again within', 5000, { measured: await servedAgain(daemon.port, 30_000), unit: ' ms' });
}
