import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { startRealLlama, whyNoModel } from '../support/real-llama.ts';
import type { RealLlama } from '../support/real-llama.ts';

const reason = whyNoModel();
if (reason !== null) process.stderr.write(`the tests with a real model are skipped: ${reason}\n`);
const withModel = reason === null ? describe : describe.skip;

const ONCE = 'Once upon a time';
/** Half a second's worth … */
const MANY = 100;
/** … and more than any test waits for. */
const LONG = 400;

let llama: RealLlama;
let broker: Broker;

beforeAll(async () => {
  if (reason === null) llama = await startRealLlama();
});
afterAll(async () => {
  if (reason === null) await llama.stop();
});
beforeEach(() => front('/v1/completions'));
afterEach(async () => {
  await broker.stop();
  await llama.forget();
});

/** A daemon whose one consumer is the model; the fake lends it its place in the list only. */
async function front(path: string): Promise<void> {
  const settings = { url: llama.url, paths: { llm: { path }, tts: { path } }, busy: { path: '/slots', pointer: '/0/is_processing' }, client_gone: 'close' };
  broker = await startBroker({ consumers: { llama: { fake: await FakeConsumer.start(), settings } } });
}

interface Wanted {
  readonly prompt?: string;
  readonly max_tokens?: number;
  readonly stream?: boolean;
  readonly token?: string;
}

/** Through the gate, or to the model itself. */
function ask({ token, ...wanted }: Wanted, url = `${broker.url}/v1/llm`): OpenRequest {
  const body = { prompt: ONCE, max_tokens: 30, temperature: 0, seed: 1, stream: true, ...wanted };
  return openRequest({ url, method: 'POST', body, headers: token === undefined ? {} : { 'X-GPU-Lease': token } });
}

/** The texts of the events in a stream, in order, without the last one, which is empty. */
function textsIn(body: string): readonly string[] {
  const events = body.split('\n\n').filter((event) => event.startsWith('data: {'));
  return events.map((event) => String(JSON.parse(event.slice('data: '.length)).choices[0].text)).slice(0, -1);
}

withModel('a real model behind the gate', () => {
  test('streams token by token, and says what it says when it is asked itself', async () => {
    const itself = await ask({ max_tokens: MANY }, `${llama.url}/v1/completions`).ended;
    await llama.forget();
    const open = ask({ max_tokens: MANY });
    const answer = await open.response;
    const pieces: string[] = [];
    answer.on('data', (piece: Buffer) => pieces.push(piece.toString()));
    await once(answer, 'data');
    const { running, tokens } = await llama.stats();
    expect(running).toBe(1);
    expect(tokens).toBeLessThan(MANY);
    await once(answer, 'end');
    expect(pieces.length).toBeGreaterThan(10);
    expect(pieces.join('')).toMatch(/data: \[DONE\]\n\n$/);
    expect(textsIn(pieces.join(''))).toEqual(textsIn(itself.body));
    expect(textsIn(itself.body)).toHaveLength(MANY);
    expect(textsIn(itself.body).join('')).toMatch(/^, there was a little/);
  });

  test('says the same in one piece', async () => {
    const streamed = await ask({}).ended;
    const whole = await ask({ stream: false }).ended;
    expect(JSON.parse(whole.body)).toMatchObject({ choices: [{ text: textsIn(streamed.body).join(''), finish_reason: 'length' }], usage: { completion_tokens: 30 } });
  });

  test('generates for two clients one after the other, though it could do both at once', async () => {
    const both = await Promise.all([ask({}).ended, ask({ prompt: 'The dog' }).ended]);
    expect(both.map(({ body }) => textsIn(body).length)).toEqual([30, 30]);
    expect(await llama.stats()).toMatchObject({ peak: 1, tokens: 60 });
    const direct = [1, 2].map(() => ask({ max_tokens: LONG }, `${llama.url}/v1/completions`));
    await llama.until(({ running }) => running === 2);
    for (const open of direct) open.abort();
  });

  test.each([true, false])('stops when its client leaves in the middle, and the next one is served (stream: %s)', async (stream) => {
    const leaving = ask({ max_tokens: LONG, stream });
    await llama.until(({ tokens }) => tokens > 0);
    const next = ask({ prompt: 'The dog' });
    await broker.waiting(1);
    leaving.abort();
    expect(textsIn((await next.ended).body)).toHaveLength(30);
    const { peak, tokens, prompts } = await llama.stats();
    expect(peak).toBe(1);
    expect(tokens).toBeLessThan(LONG);
    expect(prompts).toEqual([ONCE, 'The dog']);
  });

  test("streams to OpenAI's own client", async () => {
    await broker.stop();
    await front('/v1/chat/completions');
    const client = new OpenAI({ apiKey: 'none', baseURL: `${broker.url}/v1`, maxRetries: 0, fetch: (_url, init) => fetch(`${broker.url}/v1/llm`, init) });
    const messages = [{ role: 'user' as const, content: ONCE }];
    const pieces: string[] = [];
    const reasons: (string | null)[] = [];
    for await (const { choices: [choice] } of await client.chat.completions.create({ model: 'stories260K', messages, max_completion_tokens: 30, temperature: 0, stream: true })) {
      if (choice?.delta.content !== undefined) pieces.push(String(choice.delta.content));
      reasons.push(choice?.finish_reason ?? null);
    }
    expect(pieces).toHaveLength(30);
    expect(pieces.join('')).toMatch(/^, there was a little/);
    expect(reasons.at(-1)).toBe('length');
  });

  test('works for the holder of a lease three times, with nobody in between', async () => {
    const taken = await request({ url: `${broker.url}/v1/leases`, method: 'POST', body: { kind: 'llm' } });
    const { id, token } = JSON.parse(taken.body);
    const outside = ask({ prompt: 'The dog' });
    await broker.waiting(1);
    for (const prompt of ['One', 'Two', 'Three']) expect((await ask({ prompt, token }).ended).status).toBe(200);
    expect((await llama.stats()).prompts).toEqual(['One', 'Two', 'Three']);
    await request({ url: `${broker.url}/v1/leases/${id}`, method: 'DELETE' });
    expect((await outside.ended).status).toBe(200);
    expect(await llama.stats()).toMatchObject({ prompts: ['One', 'Two', 'Three', 'The dog'], peak: 1 });
  });
});
