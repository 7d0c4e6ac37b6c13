import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Client } from '@stable-canvas/comfyui-client';
import { ComfyUIClient } from 'comfy-ui-client';
import type { Prompt } from 'comfy-ui-client';
import { WebSocket } from 'ws';
import { demoRequest } from '../../../lib/demo/request-set.ts';
import { CHECKPOINT } from '../../../lib/demo/servers/comfyui-graph.ts';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { until } from '../../support/until.ts';

const OUTPUT = '9';
/** A workflow without a model, as this client's types want one. */
const PROMPT: Prompt = { [OUTPUT]: { class_type: 'SaveImage', inputs: {} } };
let demo: RunningDemo;
let client: Client;

beforeEach(async () => {
  demo = await startDemo((options) => createComfyui({ ...options, quirks: { previews: false } }));
  client = new Client({ api_host: demo.url.slice('http://'.length), clientId: 'me', WebSocket, fetch });
});
afterEach(async () => {
  client.close();
  await demo.stop();
});

function workflow(seed: number): Record<string, unknown> {
  const body: unknown = JSON.parse(demoRequest('image', seed).body.toString());
  const graph = isObject(body) ? body['prompt'] : undefined;
  if (isObject(graph)) return graph;
  throw new Error('expected a workflow');
}

test('it runs a workflow over the WebSocket, with its progress', async () => {
  await client.connect();
  demo.time.hold();
  const steps: number[] = [];
  const running = client.enqueue(workflow(1), { progress: ({ value }) => steps.push(value) });
  // It listens only when it has the answer to its prompt.
  await until(() => client.registered.includes('executed'));
  demo.time.go();
  const { images } = await running;
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(images).toMatchObject([{ type: 'url', data: expect.stringContaining('ComfyUI_00001_.png') }]);
});

test('it runs a workflow by polling', async () => {
  const { images } = await client.enqueue_polling(workflow(1), { polling_ms: 1 });
  expect(images).toMatchObject([{ type: 'url', data: expect.stringContaining('ComfyUI_00001_.png') }]);
});

test('it reads the queue, the history, the card and the nodes', async () => {
  await client.enqueue_polling(workflow(1), { polling_ms: 1 });
  await client.enqueue_polling(workflow(2), { polling_ms: 1 });
  expect(await client.getQueue()).toEqual({ Running: [], Pending: [] });
  expect((await client.getHistory()).History).toHaveLength(2);
  expect((await client.getHistory(1)).History).toMatchObject([{ outputs: { 9: { images: [{ filename: 'ComfyUI_00002_.png' }] } } }]);
  expect((await client.getHistory(1, { offset: 0 })).History).toMatchObject([{ outputs: { 9: { images: [{ filename: 'ComfyUI_00001_.png' }] } } }]);
  expect((await client.getSystemStats()).devices).toMatchObject([{ type: 'cuda' }]);
  expect(await client.getSDModels()).toEqual([CHECKPOINT]);
  expect(await client.getSamplers()).toContain('euler');
  await client.clearItems('history');
  expect((await client.getHistory()).History).toEqual([]);
});

test('it interrupts, deletes and frees', async () => {
  demo.time.hold();
  const { prompt_id: running } = await client._enqueue_prompt(workflow(1));
  const { prompt_id: waiting } = await client._enqueue_prompt(workflow(2));
  await client.deleteItem('queue', waiting);
  await client.interrupt(running);
  demo.time.go();
  await client.waitForPrompt(running, 1);
  expect((await client.getHistory()).History).toMatchObject([{ prompt: [0, running, {}, { client_id: 'me' }, ['9']], status: { status_str: 'error' } }]);
  await client.free({ unload_models: true, free_memory: true });
  await until(() => demo.card.memory.usedMib() === 500);
});

class Waiting extends ComfyUIClient {
  /** It has a listener that logs from the beginning, and one more when it has the answer to its prompt. */
  get listens(): boolean {
    return this.ws !== undefined && this.ws.listenerCount('message') > 1;
  }
}

test('another client gets the images themselves', async () => {
  const other = new Waiting(demo.url.slice('http://'.length), 'other');
  await other.connect();
  demo.time.hold();
  const drawing = other.getImages(PROMPT);
  await until(() => other.listens);
  demo.time.go();
  const { [OUTPUT]: images = [] } = await drawing;
  await other.disconnect();
  expect(images.map(({ image }) => image)).toEqual([{ filename: 'ComfyUI_00001_.png', subfolder: '', type: 'output' }]);
  expect(await images[0]?.blob.slice(1, 4).text()).toBe('PNG');
});
