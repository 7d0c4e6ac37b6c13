import { setTimeout as delay } from 'node:timers/promises';
import { gated, servedAgain, takeLease, untilWaiting } from './work.js';

/** Longer than every limit of the scene but the wait in the queue. */
const STOPPED_MS = 5000;
const WAITING = 5;

export const about = `SIGSTOP for ${STOPPED_MS / 1000} s and SIGCONT, as a laptop that sleeps`;

export async function run({ daemon, goals }) {
  const lease = await takeLease(daemon.port, 60);
  const waiting = Array.from({ length: WAITING }, () => gated(daemon.port, 'slow'));
  await untilWaiting(daemon, WAITING);
  daemon.signal('SIGSTOP');
  await delay(STOPPED_MS);
  daemon.signal('SIGCONT');
  goals.atMost('renewing the lease afterwards: refused', 0, { measured: Number((await lease.renew()) !== 200) });
  goals.atMost('giving it back: refused', 0, { measured: Number((await lease.giveBack()) !== 200) });
  const statuses = await Promise.all(waiting);
  goals.atLeast('waiting requests served', WAITING, { measured: statuses.filter((status) => status === 200).length, note: `(${statuses.join(', ')})` });
  goals.atMost('served again within', 2000, { measured: await servedAgain(daemon.port, 30_000), unit: ' ms' });
}
