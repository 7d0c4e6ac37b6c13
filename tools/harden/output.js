import { ask } from '../support/http.js';

/** Every write fails with ENOSPC. */
const FULL = '/dev/full';
const REQUESTS = 500;

export const about = `standard output and standard error are ${FULL}`;

export function needs() {
  return { output: FULL };
}

export async function run({ daemon, goals }) {
  let bad = 0;
  for (let number = 0; number < REQUESTS; number += 1) {
    const { status } = await ask(daemon.port, { method: 'POST', path: number % 2 === 0 ? '/v1/llm' : '/no/such/path', body: '{}' });
    if (status !== (number % 2 === 0 ? 200 : 404)) bad += 1;
  }
  goals.atMost('answers that are not as ever', 0, { measured: bad, note: `of ${REQUESTS}` });
}
