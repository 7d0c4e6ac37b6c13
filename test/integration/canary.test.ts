import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { cardShares } from '../support/card-share.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload, request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { rawAnswer, requestText } from '../support/raw-answer.ts';

/** Stands for every secret; it may be seen by consumers only. */
const CANARY = 'CANARY-3f9a';
const SECRETS = { authorization: `Bearer ${CANARY}`, cookie: `session=${CANARY}`, 'x-api-key': CANARY, 'user-agent': `curl ${CANARY}` };
const BODY = { prompt: `a picture of ${CANARY}` };

let broker: Broker;
let tts: FakeConsumer;
let image: FakeConsumer;
/** What we said ourselves. */
const said: string[] = [];

beforeEach(async () => {
  said.length = 0;
  const card = fakeCard({ totalMib: 16376 });
  const share = cardShares(card);
  const hook = { path: '/load', headers: { Authorization: CANARY }, body: { key: CANARY } };
  tts = await simpleConsumer({ loadedMib: 9000, memory: share('tts') });
  image = await simpleConsumer({ loadedMib: 9000, loaded: false, memory: share('image') });
  tts.on('GET /audio/*', (exchange) => exchange.send(200, `audio ${CANARY}`));
  broker = await startBroker({
    card,
    consumers: {
      tts: { fake: tts, settings: { load: hook, unload: { ...hook, path: '/unload' }, vram_resident_mib: 9000, timeouts: { client_idle: '300ms' } } },
      image: { fake: image, settings: { unload: { ...hook, path: '/unload' }, vram_resident_mib: 9000 } },
    },
    settings: { routing: { tts: 'tts', image: 'image', stt: undefined, llm: undefined }, audio_proxy: 'tts', limits: { body: '1KiB' } },
  });
});
afterEach(() => broker.stop());

/** Sends one request full of secrets, and keeps what we answer ourselves; a consumer's own words are its own. */
async function ask(method: string, path: string, body: unknown = BODY): Promise<Answer> {
  const answer = await request({ url: broker.url + path, method, headers: SECRETS, body: method === 'POST' ? body : undefined });
  const { headers } = answer;
  said.push(JSON.stringify(headers), headers['x-consumer'] === undefined ? answer.body : '');
  return answer;
}

function expectNoLeak(): void {
  const lines = broker.logger.lines.map((line) => JSON.stringify(line, (_key, value: unknown) => (value instanceof Error ? value.stack : value)));
  expect(lines.length).toBeGreaterThan(0);
  expect([...lines, ...said].filter((text) => text.includes(CANARY))).toEqual([]);
}

describe('a secret of a client stays out of our logs, our status and our words', () => {
  test('when all goes well, with an eviction on the way', async () => {
    expect((await ask('POST', `/v1/tts?key=${CANARY}`)).status).toBe(200);
    expect((await ask('POST', `/v1/image?key=${CANARY}`)).status).toBe(200);
    expect((await ask('GET', `/audio/a.wav?key=${CANARY}`)).body).toBe(`audio ${CANARY}`);
    expect(image.jobs[0]).toMatchObject({ path: `/work?key=${CANARY}`, headers: { authorization: SECRETS.authorization } });
    expect(tts.requests.find(({ path }) => path === '/unload')?.headers['authorization']).toBe(CANARY);
    for (const path of ['/', '/v1/status', '/readyz', '/healthz', '/v1/plan?kind=tts']) await ask('GET', path);
    expectNoLeak();
  });

  test('when a hook fails, and says it back', async () => {
    tts.on('POST /unload', async (exchange) => exchange.json(500, { error: `bad key ${(await exchange.readBody()).toString()}` }), { gpu: false });
    expect((await ask('POST', '/v1/image')).status).toBe(503);
    await ask('GET', '/v1/status');
    expect(tts.requests.some(({ path }) => path === '/unload')).toBe(true);
    expectNoLeak();
  });

  test('when the request is refused', async () => {
    const refused = [
      await ask('POST', '/v1/tts', { ...BODY, more: 'x'.repeat(2000) }),
      await ask('POST', '/v1/llm'),
      await ask('POST', '/nothing'),
      await ask('DELETE', '/v1/tts'),
      await ask('GET', '/v1/plan?kind=none'),
      await ask('POST', '/v1/consumers/nobody/load'),
    ];
    expect(refused.map(({ status }) => status)).toEqual([413, 501, 404, 405, 400, 404]);
    const odd = ['GET / HTTP/1.1', 'Host: localhost', `Authorization: ${CANARY}\x80`, 'Connection: close'];
    const foreign = ['GET / HTTP/1.1', `Host: ${CANARY}`, 'Connection: close'];
    for (const lines of [odd, foreign, [`${CANARY} garbage`]]) said.push(JSON.stringify(await rawAnswer(broker.port, requestText(lines))));
    expectNoLeak();
  });

  test('when the consumer breaks off, and when it answers garbage', async () => {
    tts.on('POST /work', async (exchange) => {
      await exchange.readBody();
      exchange.rst();
    });
    expect((await ask('POST', '/v1/tts')).status).toBe(502);
    tts.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.write(`${CANARY} is no HTTP\r\n\r\n`);
      exchange.fin();
    });
    expect((await ask('POST', '/v1/tts')).status).toBe(502);
    expectNoLeak();
  });

  test('when the client is slow, or leaves', async () => {
    const slow = openUpload(`${broker.url}/v1/tts`, SECRETS);
    slow.request.write(CANARY);
    const late = await slow.ended;
    said.push(late.body);
    expect(late.status).toBe(408);
    tts.on('POST /work', (exchange) => exchange.never());
    const leaving = openRequest({ url: `${broker.url}/v1/tts`, method: 'POST', headers: SECRETS, body: BODY });
    await tts.waitFor(1);
    leaving.abort();
    await broker.running(0);
    expectNoLeak();
  });
});
