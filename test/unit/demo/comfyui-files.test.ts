import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';

let demo: RunningDemo;

beforeEach(async () => {
  demo = await startDemo(createComfyui);
});
afterEach(() => demo.stop());

/** What is drawn, and how it is saved. */
interface Drawing {
  readonly text?: string;
  readonly seed?: number;
  readonly latent?: object;
  readonly save?: object;
}

function graphOf({ text = 'a card', seed = 1, latent = {}, save = {} }: Drawing): unknown {
  const node = (type: string, inputs: object): object => ({ class_type: type, inputs });
  return {
    3: node('KSampler', { seed, steps: 1, positive: ['6', 0], latent_image: ['5', 0] }),
    5: node('EmptyLatentImage', { width: 96, height: 64, batch_size: 1, ...latent }),
    6: node('CLIPTextEncode', { text }),
    8: node('VAEDecode', { samples: ['3', 0] }),
    9: { ...node('SaveImage', { images: ['8', 0], filename_prefix: 'card' }), ...save },
  };
}

/** Draws, and resolves with the queries of its images. */
async function draw(drawing: Drawing): Promise<readonly string[]> {
  const { body } = await demo.post('/prompt', { prompt: graphOf(drawing) });
  const id = String(JSON.parse(body).prompt_id);
  for (;;) {
    const history: unknown = JSON.parse((await demo.get(`/history/${id}`)).body)[id];
    if (isObject(history)) return imagesIn(history['outputs']).map(queryOf);
  }
}

/** All images of all outputs. */
function imagesIn(outputs: unknown): readonly unknown[] {
  return isObject(outputs) ? Object.values(outputs).flatMap((output): unknown => (isObject(output) ? output['images'] : [])) : [];
}

function queryOf(image: unknown): string {
  const pairs = Object.entries(isObject(image) ? image : {}).map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(pairs).toString();
}

async function view(query: string | undefined): Promise<Buffer> {
  const { status, bytes } = await demo.get(`/view?${query}`);
  expect(status).toBe(200);
  return bytes;
}

/** Uploads a file under a name; resolves with what was answered. */
async function upload(bytes: string, filename: string | null, fields: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const form = new FormData();
  if (filename !== null) form.set('image', new File([bytes], filename));
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const answer = await fetch(`${demo.url}/upload/image`, { method: 'POST', body: form });
  return answer.ok ? answer.json() : answer.status;
}

describe('images', () => {
  test('have the size of the latent, and there are as many as its batch has', async () => {
    const queries = await draw({ latent: { batch_size: 2 } });
    expect(queries).toEqual(['filename=card_00001_.png&subfolder=&type=output', 'filename=card_00002_.png&subfolder=&type=output']);
    const [first, second] = await Promise.all(queries.map(view));
    expect([first?.readUInt32BE(16), first?.readUInt32BE(20)]).toEqual([96, 64]);
    expect(first).not.toEqual(second);
  });

  test('depend on the prompt, the seed and nothing that is by chance', async () => {
    const drawn = async (drawing: Drawing): Promise<Buffer> => view((await draw(drawing))[0]);
    const image = await drawn({});
    expect(await drawn({ text: 'another card' })).not.toEqual(image);
    expect(await drawn({ seed: 2 })).not.toEqual(image);
    expect(await drawn({ save: { _meta: { title: 'Save' } } })).toEqual(image);
  });

  test('are saved in a folder when their prefix has one, and not at all when they are previews', async () => {
    expect(await draw({ save: { inputs: { images: ['8', 0], filename_prefix: 'cards/red' } } })).toEqual([
      'filename=red_00001_.png&subfolder=cards&type=output',
    ]);
    const [preview] = await draw({ save: { class_type: 'PreviewImage' } });
    expect(preview).toBe('filename=ComfyUI_temp_00001_.png&subfolder=&type=temp');
    expect((await view(preview)).toString('latin1', 1, 4)).toBe('PNG');
  });
});

describe('uploads', () => {
  test('are kept as input and can be fetched', async () => {
    expect(await upload('one', 'a.png')).toEqual({ name: 'a.png', subfolder: '', type: 'input' });
    expect(await upload('two', 'a.png', { subfolder: 'mine', type: 'temp' })).toEqual({ name: 'a.png', subfolder: 'mine', type: 'temp' });
    expect((await view('filename=a.png&type=input')).toString()).toBe('one');
    expect((await view('filename=a.png&type=temp&subfolder=mine')).toString()).toBe('two');
  });

  test('get another name when there is another file of that name, unless they are to replace it', async () => {
    await upload('one', 'a.png');
    expect(await upload('one', 'a.png')).toMatchObject({ name: 'a.png' });
    expect(await upload('two', 'a.png')).toMatchObject({ name: 'a (1).png' });
    expect(await upload('three', 'a.png', { overwrite: 'true' })).toMatchObject({ name: 'a.png' });
    expect((await view('filename=a.png&type=input')).toString()).toBe('three');
  });

  test('without a file, or out of their folder, are refused', async () => {
    expect(await upload('one', null)).toBe(400);
    expect(await upload('one', 'a.png', { subfolder: '../..' })).toBe(400);
    expect(await upload('one', 'a.png', { type: 'root' })).toBe(400);
  });
});

test('what is not there is 404, and what is not its own 400', async () => {
  const statuses = ['', '?filename=a.png', '?filename=../a.png', '?filename=/etc/passwd', '?filename=a.png&type=root'].map(async (query) => {
    return (await demo.get(`/view${query}`)).status;
  });
  expect(await Promise.all(statuses)).toEqual([404, 404, 400, 400, 400]);
});

test('it has a web page, and its routes under /api too', async () => {
  expect(await demo.get('/')).toMatchObject({ status: 200, headers: { 'content-type': 'text/html' }, body: expect.stringContaining('ComfyUI') });
  for (const path of ['/queue', '/history', '/system_stats', '/object_info/LoadImage']) {
    expect(await demo.get(`/api${path}`)).toMatchObject({ status: 200, body: (await demo.get(path)).body });
  }
});
