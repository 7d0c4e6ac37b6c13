import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { request } from '../support/http.ts';

let broker: Broker;
afterEach(() => broker.stop());

describe('the façade', () => {
  test('sends a kind to its consumer, at its path, with the query and the body verbatim', async () => {
    const fake = await simpleConsumer();
    broker = await startBroker({ consumers: { mvoice: { fake } } });
    const answer = await request({ url: `${broker.url}/v1/tts?a=1&b=%7C+x&a=2`, method: 'POST', body: '{"text":"hi", "n": 12345678901234567890}', headers: { 'x-request-id': 'my-id.1' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-request-id']).toBe('my-id.1');
    expect(answer.headers['x-consumer']).toBe('mvoice');
    expect(answer.headers['server-timing']).toMatch(/^queue;dur=\d+\.\d, upstream;dur=\d+\.\d$/);
    const [job] = fake.jobs;
    expect(job?.path).toBe('/work?a=1&b=%7C+x&a=2');
    expect(job?.body?.toString()).toBe('{"text":"hi", "n": 12345678901234567890}');
    expect(job?.headers['host']).toBe(`127.0.0.1:${fake.port}`);
  });
});
