import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Client } from '@stable-canvas/comfyui-client';
import { WebSocket } from 'ws';
import { demoRequest } from '../../lib/demo/request-set.ts';
import { ClientBench, MODEL } from '../support/client-bench.ts';
import { openRequest, request } from '../support/http.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { until } from '../support/until.ts';

/** The steps of the workflow below. */
const STEPS = [1, 2, 3, 4, 5, 6, 7, 8];

let bench: ClientBench;
/** What a test has opened. */
let clients: Client[];
let processes: NodeProcess[];

beforeEach(async () => {
  [clients, processes] = [[], []];
  bench = await ClientBench.start({ consumers: { comfyui: { listen: '127.0.0.1:0' } } });
  // A job stands still until the test lets it go on: no client misses an event because it does not know its job's id yet.
  bench.servers.comfyui.server.on('request', ({ method, url }) => {
    if (method === 'POST' && url?.startsWith('/prompt') === true) bench.servers.comfyui.time.hold();
  });
});
afterEach(async () => {
  for (const client of clients) client.close();
  for (const each of processes) await each.kill();
  await bench.stop();
});

/** Where ComfyUI is. */
interface Place {
  readonly host: string;
  /** What comes before its own paths. */
  readonly base: string;
}

const atPath = async (): Promise<Place> => ({ host: bench.host, base: '/comfyui' });
const atOwnPort = async (): Promise<Place> => ({ host: new URL(await bench.ownUrl('comfyui')).host, base: '' });

/** A workflow; each seed is another image. */
function workflow(seed: number): Record<string, unknown> {
  const { prompt }: { prompt: Record<string, unknown> } = JSON.parse(demoRequest('image', seed).body.toString());
  return prompt;
}

/** `@stable-canvas/comfyui-client`. */
function stableCanvas({ host, base }: Place, clientId: string): Client {
  const client = new Client({ api_host: host, api_base: base, clientId, WebSocket, fetch });
  clients.push(client);
  return client;
}

/** Which prompts it is told of. */
function promptsHeardBy(client: Client): Set<string> {
  const heard = new Set<string>();
  client.on('message', ({ data }) => {
    if (typeof data !== 'string') return;
    const { data: said }: { data: { prompt_id?: string } } = JSON.parse(data);
    if (said.prompt_id !== undefined) heard.add(said.prompt_id);
  });
  return heard;
}

/** Resolves when it knows its job's id and listens for its end. */
const listens = (client: Client) => until(() => client.registered.includes('executed'));

/** `comfy-ui-client`, which watches its job over a WebSocket; in a process of its own, as it logs to the standard output. */
interface Elsewhere {
  /** It knows its job's id and listens for its end. */
  queued(): Promise<void>;
  images(): Promise<readonly Buffer[]>;
}

async function elsewhere({ host, base }: Place, seed: number): Promise<Elsewhere> {
  const script = `
    import { ComfyUIClient } from 'comfy-ui-client';
    const client = new ComfyUIClient(process.env.ADDRESS, 'elsewhere');
    const queue = client.queuePrompt.bind(client);
    client.queuePrompt = async (prompt) => {
      const queued = await queue(prompt);
      setImmediate(() => console.log('queued'));
      return queued;
    };
    await client.connect();
    const images = Object.values(await client.getImages(JSON.parse(process.env.WORKFLOW))).flat();
    const texts = await Promise.all(images.map(async ({ blob }) => Buffer.from(await blob.arrayBuffer()).toString('base64')));
    await client.disconnect();
    console.log('images', ...texts);`;
  const child = await nodeProcess(script, { ...process.env, NODE_OPTIONS: '', ADDRESS: host + base, WORKFLOW: JSON.stringify(workflow(seed)) });
  processes.push(child);
  const told = async (what: string): Promise<readonly string[]> => {
    for (;;) {
      const [word, ...rest] = (await child.line()).split(' ');
      if (word === 'undefined') throw new Error(`it has ended before it told ${what}`);
      if (word === what) return rest;
    }
  };
  return {
    queued: async () => {
      await told('queued');
    },
    images: async () => (await told('images')).map((text) => Buffer.from(text, 'base64')),
  };
}

/** An image as ComfyUI itself shows it. */
async function saved(number: number): Promise<Buffer> {
  return (await bench.servers.comfyui.get(`/view?filename=ComfyUI_${String(number).padStart(5, '0')}_.png&type=output`)).bytes;
}

describe.each([
  ['at its path', atPath],
  ['at a port of its own', atOwnPort],
])("ComfyUI's clients %s", (_, placeOf) => {
  test('have the card until their workflow has ended, watch it meanwhile, and get the image', async () => {
    const drawing = await elsewhere(await placeOf(), 1);
    await drawing.queued();
    // The answer to POST /prompt has come: only the work is left.
    const asking = openRequest({ url: `${bench.url}/ollama/api/chat`, method: 'POST', body: { model: MODEL, stream: false, messages: [{ role: 'user', content: 'Hi' }] } });
    await bench.broker.waiting(1);
    expect(bench.broker.daemon.gate.statistics).toMatchObject({ running: 1, waiting: 1 });
    bench.servers.comfyui.time.go();
    const images = await drawing.images();
    expect((await asking.ended).status).toBe(200);
    expect(images.map((image) => image.toString('latin1', 1, 4))).toEqual(['PNG']);
    expect(images[0]?.equals(await saved(1))).toBe(true);
    expect(bench.work).toEqual(['comfyui sample', 'ollama generate']);
  });

  test('poll, read what ComfyUI knows while the card is taken, and fetch the image where they are told it is', async () => {
    const place = await placeOf();
    const client = stableCanvas(place, 'me');
    const drawing = client.enqueue_polling(workflow(1), { polling_ms: 5 });
    await until(() => bench.atWork === 1);
    expect(Object.keys(await client.getNodeDefs())).toContain('KSampler');
    expect((await client.getSystemStats()).devices).toHaveLength(1);
    bench.servers.comfyui.time.go();
    const { images: [image] } = await drawing;
    if (image?.type !== 'url') throw new Error('expected the address of an image');
    expect(image.data).toContain(`http://${place.host}${place.base}/view?`);
    expect(Buffer.from(await (await fetch(image.data)).arrayBuffer()).equals(await saved(1))).toBe(true);
  });

  test('read what ComfyUI refuses', async () => {
    await expect(stableCanvas(await placeOf(), 'me').enqueue_polling({})).rejects.toThrow(/400/);
    await bench.broker.running(0);
  });
});

test('a client sees the steps of its workflow', async () => {
  const client = stableCanvas(await atOwnPort(), 'me');
  await client.connect();
  const steps: number[] = [];
  const drawing = client.enqueue(workflow(1), { progress: ({ value }) => steps.push(value) });
  await listens(client);
  bench.servers.comfyui.time.go();
  expect((await drawing).images).toMatchObject([{ data: expect.stringContaining('ComfyUI_00001_.png') }]);
  expect(steps).toEqual(STEPS);
});

test('clients at the same time are served one after the other, and each hears of its own work only', async () => {
  const { time } = bench.servers.comfyui;
  const [me, you] = [stableCanvas(await atOwnPort(), 'me'), stableCanvas(await atOwnPort(), 'you')];
  const heard = [promptsHeardBy(me), promptsHeardBy(you)];
  await Promise.all([me.connect(), you.connect()]);
  const mine = me.enqueue(workflow(1));
  await listens(me);
  const yours = you.enqueue(workflow(2));
  await bench.broker.waiting(1);
  const theirs = await elsewhere(await atPath(), 3);
  await bench.broker.waiting(2);
  time.go();
  const ids = [(await mine).prompt_id];
  await listens(you);
  time.go();
  ids.push((await yours).prompt_id);
  await theirs.queued();
  time.go();
  const [image] = await theirs.images();
  expect(image?.equals(await saved(3))).toBe(true);
  expect(heard.map((each) => [...each])).toEqual(ids.map((id) => [id]));
  expect(bench.work).toEqual(['comfyui sample', 'comfyui sample', 'comfyui sample']);
});

test('the page of ComfyUI is there, and its links lead to it', async () => {
  const page = await request({ url: `${bench.url}/comfyui/` });
  expect([page.status, page.headers['content-type'], page.body]).toEqual([200, 'text/html', expect.stringContaining('<title>ComfyUI</title>')]);
  expect((await request({ url: `${bench.url}/comfyui` })).headers.location).toBe('/comfyui/');
});
