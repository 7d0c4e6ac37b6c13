import { afterEach, expect, test } from '@jest/globals';
import { demoRequest } from '../../../lib/demo/request-set.ts';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { createOllama } from '../../../lib/demo/servers/ollama.ts';
import { readWork } from '../../../lib/demo/servers/work-record.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { openRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const model = 'llama3.2:3b';
let demo: RunningDemo;

afterEach(() => demo.stop());

/** What was worked on, and whether all of it has ended. */
function work(): { jobs: readonly string[]; ended: boolean } {
  const { lines } = readWork(demo.card.dir);
  const jobs = lines.filter(({ event }) => event === 'begin').map(({ server, job }) => `${server} ${job}`);
  return { jobs, ended: lines.filter(({ event }) => event === 'end').length === jobs.length };
}

async function image(seed: number): Promise<void> {
  const { headers, body } = demoRequest('image', seed);
  await demo.post('/prompt', body, headers);
  for (;;) if ((await demo.get('/prompt')).body.includes(':0')) return;
}

test("Ollama's loads, generations and embeddings are in the record, and end before their answers do", async () => {
  demo = await startDemo(createOllama);
  await demo.post('/api/generate', { model, prompt: 'Hi' });
  expect(work()).toEqual({ jobs: ['ollama load', 'ollama generate'], ended: true });
  await demo.post('/api/embed', { model, input: 'Hi' });
  await demo.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hi' }] });
  expect(work()).toEqual({ jobs: ['ollama load', 'ollama generate', 'ollama embed', 'ollama generate'], ended: true });
});

test('a generation whose client has left ends in the record', async () => {
  demo = await startDemo(createOllama);
  await demo.post('/api/generate', { model });
  demo.time.hold();
  const open = openRequest({ url: `${demo.url}/api/generate`, method: 'POST', body: { model, prompt: 'Hi' } });
  await until(() => demo.time.pending === 1);
  expect(work()).toEqual({ jobs: ['ollama load', 'ollama generate'], ended: false });
  open.abort();
  await until(() => work().ended);
});

test("ComfyUI's prompts are in the record, and end before the queue is empty; one from the cache is no work", async () => {
  demo = await startDemo(createComfyui);
  await image(1);
  expect(work()).toEqual({ jobs: ['comfyui load', 'comfyui sample'], ended: true });
  await image(1);
  expect(work().jobs).toHaveLength(2);
  await image(2);
  expect(work()).toEqual({ jobs: ['comfyui load', 'comfyui sample', 'comfyui sample'], ended: true });
});

test('a load that finds no memory is an end too, and the refusals are there', async () => {
  demo = await startDemo(createComfyui);
  demo.card.hold('game', 8000, process.ppid);
  await image(1);
  expect(work()).toEqual({ jobs: ['comfyui load'], ended: true });
  expect(readWork(demo.card.dir).ooms).toMatchObject([{ server: 'comfyui' }]);
});
