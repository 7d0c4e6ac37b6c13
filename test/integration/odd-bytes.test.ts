import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { exchangeRaw } from '../support/raw-client.ts';

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  fake.on('GET /audio/*', (exchange) => exchange.send(200, Buffer.from(exchange.head.path, 'latin1')));
  broker = await startBroker({ consumers: { one: { fake } }, settings: { audio_proxy: 'one' } });
});
afterEach(async () => {
  expect((await request({ url: `${broker.url}/healthz` })).status).toBe(200);
  await broker.stop();
});

const BYTES = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte).toString('latin1'));
const UTF8 = ['€', '😀', '\ud800'].map((text) => Buffer.from(text).toString('latin1'));
const ask = (line: string, fields = '') => exchangeRaw(broker.port, Buffer.from(`${line} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`, 'latin1'));

describe('every byte there is', () => {
  test('in a query either reaches the consumer as it was or is refused', async () => {
    for (const text of [...BYTES, ...UTF8]) {
      const target = `/audio/a?q=${text}z`;
      const answer = await ask(`GET ${target}`);
      if (answer?.status === 200) expect(answer.body).toBe(target);
      else expect([text, answer?.status, JSON.parse(answer?.body ?? '').error]).toEqual([text, 400, 'bad_request']);
    }
  });

  test('in the query of a kind does as well', async () => {
    for (const text of [...BYTES.filter((byte) => byte >= '\x7f' || byte < ' '), ...UTF8]) {
      const answer = await ask(`POST /v1/tts?q=${text}z`, 'Content-Length: 0\r\n');
      expect([200, 400]).toContain(answer?.status);
      if (answer?.status === 200) expect(fake.jobs.at(-1)?.path).toBe(`/work?q=${text}z`);
    }
  });

  test('in the name of a header either passes or is refused', async () => {
    for (const text of BYTES) expect([200, 400]).toContain((await ask('GET /audio/a', `X${text}: y\r\n`))?.status);
  });

  test('in the value of a header passes if it is printable ASCII, and is refused otherwise', async () => {
    for (const text of BYTES) {
      const answer = await ask('GET /audio/a', `X: a${text}b\r\n`);
      expect([text, answer?.status]).toEqual([text, /^[\t -~]$/.test(text) ? 200 : 400]);
      if (answer?.status === 200) expect(fake.requests.findLast(({ path }) => path === '/audio/a')?.headers['x']).toBe(`a${text}b`);
    }
  });

  test('in the path of a consumer\'s name, escaped, is a name that nobody has, or refused', async () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const escaped = `%${byte.toString(16).padStart(2, '0')}`;
      const answer = await ask(`POST /v1/consumers/${escaped}/load`, 'Content-Length: 0\r\n');
      expect(`${escaped} ${answer?.status}`).toMatch(/ 40[04]$/);
      expect(['bad_request', 'unknown_consumer', 'not_found']).toContain(JSON.parse(answer?.body ?? '').error);
    }
  });
});
