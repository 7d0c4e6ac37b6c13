import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { ClientBench, LLAMA_MODEL, MODEL } from '../support/client-bench.ts';
import { openRequest } from '../support/http.ts';
import type { Answer, OpenRequest } from '../support/http.ts';
import * as webui from '../support/open-webui-requests.ts';
import type { RecordedRequest } from '../support/open-webui-requests.ts';
import { until, untilAsked } from '../support/until.ts';

const ANSWER = /^You asked: "Why is the sky blue\?"/;

let bench: ClientBench;
beforeEach(async () => {
  const models = { 'tts-1': { consumer: 'mvoice', voices: ['anna', 'ben'] } };
  bench = await ClientBench.start({ file: { models, queue: { keepalive_after: '20ms', max_waiting: 2 } } });
});
afterEach(() => bench.stop());

/** Sends a recorded request; `base`: the address of the connection, below the broker's. */
function replay({ path, ...recorded }: RecordedRequest, base = '/v1'): OpenRequest {
  return openRequest({ ...recorded, url: bench.url + base + path });
}

async function answerTo(recorded: RecordedRequest, base?: string): Promise<Answer> {
  return replay(recorded, base).ended;
}

/** A part of a streamed chat. */
interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}

/** The text of a stream, as Open WebUI puts it together: of each line that begins with `data:`, unless it is the last. */
function saidIn(body: string): string {
  const data = body.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length).trim());
  const chunks: readonly Chunk[] = data.filter((each) => each !== '[DONE]').map((each) => JSON.parse(each));
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

/** What it shows of an error. */
function shownOf({ body }: Answer): string {
  const { error }: { error: string | { message: string } } = JSON.parse(body);
  return typeof error === 'string' ? error : error.message;
}

describe('Open WebUI', () => {
  test('lists the models, and so verifies the connection', async () => {
    const answer = await answerTo(webui.models);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringMatching(/^application\/json/) } });
    const { object, data }: { object: string; data: { id: string; created: number }[] } = JSON.parse(answer.body);
    expect(object).toBe('list');
    expect(data.map(({ id }) => id)).toEqual([MODEL, 'tts-1', 'whisper-1', 'text-to-image', LLAMA_MODEL]);
    const listed = { id: expect.any(String), object: 'model', created: data[0]?.created, owned_by: expect.any(String), status: { value: expect.stringMatching(/^(un)?loaded$/) } };
    for (const model of data) expect(model).toEqual(listed);
  });

  test('chats: the text is in the lines of data, though comments come while it waits', async () => {
    const release = await bench.occupy();
    const chat = replay(webui.chat(true));
    const answer = await chat.response;
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/event-stream/)]);
    await release();
    const { body, complete } = await chat.ended;
    expect(body).toMatch(/^: waiting, position 1/);
    expect(saidIn(body)).toMatch(ANSWER);
    expect(complete).toBe(true);
  });

  test('has a title made, in one piece', async () => {
    const { choices } = JSON.parse((await answerTo(webui.chat(false))).body);
    expect(choices[0].message.content).toMatch(ANSWER);
  });

  test('stops a chat, and nothing of it is left', async () => {
    const release = await bench.occupy();
    const chat = replay(webui.chat(true));
    await chat.response;
    chat.abort();
    await bench.broker.waiting(0);
    await release();
    expect(bench.work).toEqual([]);
  });

  test('shows why it was refused', async () => {
    const unknown = webui.chat(false);
    const renamed = { ...unknown, body: String(unknown.body).replace(MODEL, 'llama3.2:8b') };
    expect(shownOf(await answerTo(renamed))).toContain(`there is no model "llama3.2:8b"; near names are "${MODEL}"`);
    const release = await bench.occupy();
    const waiting = [replay(webui.chat(true)), replay(webui.chat(true))];
    await bench.broker.waiting(2);
    expect(shownOf(await answerTo(webui.chat(true)))).toMatch(/2 requests wait/);
    await release();
    for (const each of waiting) expect(saidIn((await each.ended).body)).toMatch(ANSWER);
    expect(shownOf(await answerTo(webui.speech('carla')))).toContain('voice');
  });

  test('has its users told to the consumer, and their names to nobody else', async () => {
    const heads: NodeJS.Dict<string | string[]>[] = [];
    bench.servers.ollama.server.on('request', ({ url, headers }) => {
      if (url === '/v1/chat/completions') heads.push(headers);
    });
    await answerTo(webui.chat(false));
    expect(heads).toMatchObject([{ 'x-openwebui-user-id': webui.USER['X-OpenWebUI-User-Id'], 'x-openwebui-chat-id': webui.USER['X-OpenWebUI-Chat-Id'] }]);
    expect(JSON.stringify(bench.broker.logger.lines)).not.toMatch(/Lovelace|ada@example/);
  });

  test('reads aloud', async () => {
    const { status, bytes, headers } = await answerTo(webui.speech('anna'));
    expect([status, headers['content-type'], bytes.toString('latin1', 0, 4)]).toEqual([200, 'audio/wav', 'RIFF']);
  });

  test('lists voices and models for that, without a key', async () => {
    expect(JSON.parse((await answerTo(webui.voices)).body)).toEqual({ voices: [{ id: 'anna', name: 'anna' }, { id: 'ben', name: 'ben' }] });
    expect(JSON.parse((await answerTo(webui.speechModels)).body)).toEqual({ models: [{ id: 'tts-1' }] });
  });

  test.each([null, 'en'])('writes down what was said (language: %s)', async (language) => {
    const answer = await answerTo(webui.transcription(language));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { text: expect.stringMatching(/^The quick brown/) }]);
  });

  test('draws through the path of OpenAI', async () => {
    const { data }: { data: { b64_json: string }[] } = JSON.parse((await answerTo(webui.image('256x512'))).body);
    const png = Buffer.from(data[0]?.b64_json ?? '', 'base64');
    expect([data.length, png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1, 'PNG', 256, 512]);
  });

  test('draws through the paths of ComfyUI, and is told over its WebSocket when that is done', async () => {
    const base = '/comfyui';
    const info = JSON.parse((await answerTo(webui.comfyui.objectInfo, base)).body);
    expect(info.CheckpointLoaderSimple.input.required.ckpt_name[0]).toHaveLength(1);
    const socket = new WebSocket(`ws://${bench.host}${base}/ws?clientId=${webui.comfyui.clientId}`, { headers: webui.comfyui.headers });
    const ended: unknown[] = [];
    socket.on('message', (message: Buffer, isBinary) => {
      if (isBinary) return;
      const { type, data } = JSON.parse(message.toString());
      if (type === 'executing' && data.node === null) ended.push(data.prompt_id);
    });
    await once(socket, 'open');
    const { prompt_id: id }: { prompt_id: string } = JSON.parse((await answerTo(webui.comfyui.prompt(), base)).body);
    await until(() => ended.includes(id));
    socket.close();
    const { outputs } = JSON.parse((await answerTo(webui.comfyui.history(id), base)).body)[id];
    const [image]: readonly Readonly<Record<string, string>>[] = outputs['9'].images;
    const picture = await answerTo(webui.comfyui.view(new URLSearchParams(image)), base);
    expect([picture.headers['content-type'], picture.bytes.toString('latin1', 1, 4)]).toEqual(['image/png', 'PNG']);
  });

  test('ejects a model, which the list then shows', async () => {
    const value = async (): Promise<string> => {
      const { data }: { data: { id: string; status: { value: string } }[] } = JSON.parse((await answerTo(webui.models, '')).body);
      return data.find(({ id }) => id === MODEL)?.status.value ?? '';
    };
    await answerTo(webui.chat(false));
    await untilAsked(async () => (await value()) === 'loaded');
    const answer = await answerTo(webui.unload, '');
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, expect.objectContaining({ success: true })]);
    expect(await value()).toBe('unloaded');
    expect(JSON.parse((await bench.servers.ollama.get('/api/ps')).body)).toEqual({ models: [] });
  });

  test('uses Ollama at its path', async () => {
    const base = '/ollama';
    const { ollama } = webui;
    expect(JSON.parse((await answerTo(ollama.version, base)).body)).toEqual({ version: '0.33.0' });
    expect(JSON.parse((await answerTo(ollama.tags, base)).body).models).toHaveLength(2);
    const lines = (await answerTo(ollama.chat, base)).body.trimEnd().split('\n').map((line) => JSON.parse(line));
    expect(lines.map(({ message }) => message.content).join('')).toMatch(ANSWER);
    expect(lines.at(-1)).toMatchObject({ done: true });
    // "Unloads in 4 minutes".
    const { models: [loaded] }: { models: { expires_at: string }[] } = JSON.parse((await answerTo(ollama.ps, base)).body);
    expect(Date.parse(loaded?.expires_at ?? '') - Date.now()).toBeGreaterThan(60_000);
    expect(JSON.parse((await answerTo(ollama.embed, base)).body).embeddings).toHaveLength(2);
    expect(bench.work).toEqual(['ollama generate', 'ollama embed']);
  });
});

test('no list waits for the card, or asks a consumer', async () => {
  const release = await bench.occupy();
  const asked: string[] = [];
  for (const { server } of Object.values(bench.servers)) server.on('request', ({ url = '' }) => asked.push(url));
  for (const each of [webui.models, webui.voices, webui.speechModels]) expect((await answerTo(each)).status).toBe(200);
  expect(asked.filter((url) => /models|voices/.test(url))).toEqual([]);
  await release();
});
