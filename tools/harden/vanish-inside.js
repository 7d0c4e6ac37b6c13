import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closed, connection } from '../support/http.js';
import { gated, servedAgain } from './work.js';

/** The consumer's; of a documentation network. */
export const ADDRESS = '192.0.2.1';

const STREAM = 'POST /v1/llm HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fake: drip\r\nContent-Length: 2\r\n\r\n{}';
const WAITING = 3;
/** `timeouts.idle` of the scene, and some more. */
const LIMIT_MS = 8000;

export const about = 'the address of the consumer is taken away in the middle of an answer';

export function needs() {
  return { host: ADDRESS };
}

export async function run({ daemon, goals }) {
  const socket = await connection(daemon.port);
  socket.write(STREAM);
  await once(socket, 'data');
  const waiting = Array.from({ length: WAITING }, () => gated(daemon.port));
  execFileSync('ip', ['addr', 'del', `${ADDRESS}/32`, 'dev', 'lo']);
  const startedAt = performance.now();
  const end = await closed(socket);
  goals.atMost('the answer is cut within', LIMIT_MS, { measured: end === 'hang' ? Infinity : performance.now() - startedAt, unit: ' ms' });
  const statuses = await Promise.all(waiting);
  goals.atLeast('waiting clients told 502, 503 or 504', WAITING, { measured: statuses.filter((status) => status > 501).length, note: `(${statuses.join(', ')})` });
  execFileSync('ip', ['addr', 'add', `${ADDRESS}/32`, 'dev', 'lo']);
  goals.atMost('served again within', 10_000, { measured: await servedAgain(daemon.port, 60_000), unit: ' ms' });
}
