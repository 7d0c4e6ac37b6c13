import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Ollama } from 'ollama';
import { ClientBench, MODEL } from '../support/client-bench.ts';
import type { BenchOptions } from '../support/client-bench.ts';
import { until } from '../support/until.ts';

const content = 'Why is the sky blue?';
const messages = [{ role: 'user' as const, content }];
const ANSWER = /^You asked: "Why is the sky blue\?"/;
const own: BenchOptions['consumers'] = { ollama: { listen: '127.0.0.1:0' } };

let bench: ClientBench;
let client: Ollama;

/** Ways to Ollama: a path of the broker, and a port at which the broker stands in for it. */
const WAYS: readonly (readonly [string, () => Promise<string>])[] = [
  ['at its path', async () => `${bench.url}/ollama`],
  ['at a port of its own', () => bench.ownUrl('ollama')],
];

afterEach(() => bench.stop());

describe.each(WAYS)("Ollama's client %s", (_, address) => {
  beforeEach(async () => {
    bench = await ClientBench.start({ consumers: own ?? {} });
    client = new Ollama({ host: await address() });
  });

  test('chats and generates, whole or as a stream', async () => {
    const whole = await client.chat({ model: MODEL, messages });
    expect(whole).toMatchObject({ model: MODEL, done: true, message: { content: expect.stringMatching(ANSWER) } });
    let chatted = '';
    for await (const { message } of await client.chat({ model: MODEL, messages, stream: true })) chatted += message.content;
    expect(chatted).toBe(whole.message.content);
    let generated = '';
    for await (const { response } of await client.generate({ model: MODEL, prompt: content, stream: true })) generated += String(response);
    expect((await client.generate({ model: MODEL, prompt: content })).response).toBe(generated);
    expect(generated).toMatch(ANSWER);
    expect(bench.work).toEqual(Array.from({ length: 4 }, () => 'ollama generate'));
  });

  test('embeds', async () => {
    const { embeddings } = await client.embed({ model: MODEL, input: ['one', 'two'] });
    expect(embeddings).toHaveLength(2);
    expect(bench.work).toEqual(['ollama embed']);
  });

  test('lists and shows models while somebody else has the card, and waits with what needs it', async () => {
    const release = await bench.occupy();
    const waiting = client.chat({ model: MODEL, messages });
    await bench.broker.waiting(1);
    expect((await client.list()).models.map(({ name }) => name)).toEqual([MODEL, 'qwen2.5:0.5b']);
    expect((await client.ps()).models).toEqual([]);
    expect((await client.show({ model: MODEL })).details.family).toBe('llama');
    expect(await client.version()).toEqual({ version: '0.33.0' });
    expect(bench.work).toEqual([]);
    await release();
    expect((await waiting).message.content).toMatch(ANSWER);
    expect((await client.ps()).models.map(({ name }) => name)).toEqual([MODEL]);
  });

  test('leaves in the middle of a stream, and the work ends', async () => {
    await client.generate({ model: MODEL, prompt: '' });
    const { time } = bench.servers.ollama;
    time.hold();
    const asked = client.chat({ model: MODEL, messages, stream: true });
    await until(() => bench.atWork === 1 && time.pending === 1);
    // Lets the first word through.
    time.go();
    time.hold();
    const stream = await asked;
    stream.abort();
    const read = (async () => {
      for await (const { done } of stream) expect(done).toBe(false);
    })();
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => time.aborted === 1);
    await bench.broker.running(0);
    expect(bench.atWork).toBe(0);
  });

  test('reads what Ollama itself refuses', async () => {
    await expect(client.chat({ model: 'nobody', messages })).rejects.toMatchObject({ name: 'ResponseError', status_code: 404, error: "model 'nobody' not found" });
  });

  test('reads a refusal of the broker as a sentence', async () => {
    await bench.servers.ollama.stop();
    await until(() => bench.broker.daemon.registry.current('ollama')?.health.state === 'unhealthy');
    const refused = { name: 'ResponseError', status_code: 503, error: expect.stringMatching(/ollama.*refused/), message: expect.stringMatching(/ollama.*refused/) };
    await expect(client.chat({ model: MODEL, messages })).rejects.toMatchObject(refused);
    await expect(client.chat({ model: MODEL, messages, stream: true })).rejects.toMatchObject(refused);
  });
});

test("Ollama's client reads that it has waited for too long", async () => {
  bench = await ClientBench.start({ file: { queue: { max_wait: '50ms' } } });
  client = new Ollama({ host: `${bench.url}/ollama` });
  const release = await bench.occupy();
  await expect(client.generate({ model: MODEL, prompt: content })).rejects.toMatchObject({ status_code: 503, error: expect.stringMatching(/waited/) });
  await release();
});
