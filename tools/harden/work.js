import { ask } from '../support/http.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Takes the card by hand for `ttlS` seconds. */
export async function takeLease(port, ttlS) {
  const { text } = await ask(port, { method: 'POST', path: '/v1/leases', headers: JSON_TYPE, body: JSON.stringify({ kind: 'llm', ttl: ttlS }) });
  const { id, token } = JSON.parse(text);
  const headers = { ...JSON_TYPE, 'X-GPU-Lease': token };
  return {
    renew: async () => (await ask(port, { method: 'PUT', path: `/v1/leases/${id}`, headers, body: JSON.stringify({ ttl: ttlS }) })).status,
    giveBack: async () => (await ask(port, { method: 'DELETE', path: `/v1/leases/${id}`, headers })).status,
  };
}

/** A gated request that the fake answers in the given way. */
export async function gated(port, way = 'whole') {
  return (await ask(port, { method: 'POST', path: '/v1/llm', headers: { ...JSON_TYPE, 'X-Fake': way }, body: '{}' })).status;
}

/** Resolves when so many wait for the card. */
export async function untilWaiting(daemon, count) {
  while ((await daemon.status()).scheduler.queue_depth < count) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Resolves when a gated request is served again; how long that took, ms. Rejects if it takes longer than `limitMs`. */
export async function servedAgain(port, limitMs) {
  const startedAt = performance.now();
  while ((await gated(port)) !== 200) {
    if (performance.now() - startedAt > limitMs) throw new Error(`no gated request was served within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return performance.now() - startedAt;
}
