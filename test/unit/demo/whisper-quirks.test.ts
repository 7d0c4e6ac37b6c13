import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { toneWav } from '../../../lib/demo/servers/wav.ts';
import { createWhisper } from '../../../lib/demo/servers/whisper.ts';
import { forkDemo, startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { fakeCard } from '../../support/fake-card.ts';
import { HeldTime } from '../../support/held-time.ts';
import { openRequest, openUpload, rawRequest, request } from '../../support/http.ts';
import type { Answer, RequestOptions } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const BOUNDARY = 'xyz';
const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const NOT_FOUND = { status: 404, body: 'File Not Found (/health)', headers: { 'content-type': 'text/plain' } };
const INVALID = { status: 400, body: 'Invalid request', headers: { 'content-type': 'text/plain' } };
let demo: RunningDemo;

afterEach(() => demo.stop());

async function start(quirks: Quirks = {}): Promise<RunningDemo> {
  demo = await startDemo((options) => createWhisper({ ...options, quirks }));
  return demo;
}

function form(path: string, name: string, value: Buffer | string): RequestOptions {
  const head = Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`);
  const body = Buffer.concat([head, Buffer.from(value), Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
  return { url: demo.url + path, method: 'POST', headers: FORM, body };
}

const load = async (path: string): Promise<Answer> => request(form('/load', 'model', path));
const infer = (): RequestOptions => form('/inference', 'file', toneWav(0.01));

describe('/load', () => {
  test('swaps the model, and /health is a plain 404 meanwhile', async () => {
    await start();
    demo.time.hold();
    const loading = openRequest(form('/load', 'model', 'models/ggml-tiny.bin'));
    await until(() => demo.time.pending === 1);
    expect(await demo.get('/health')).toMatchObject(NOT_FOUND);
    demo.time.go();
    expect(await loading.ended).toMatchObject({ status: 200, body: 'Load was successful!', headers: { 'content-type': 'application/text' } });
    expect(await demo.get('/health')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    expect(demo.card.memory.usedMib()).toBe(150);
  });

  test('waits for the running inference', async () => {
    await start();
    demo.time.hold();
    const running = openRequest(infer());
    await until(() => demo.time.pending === 1);
    const loading = openRequest(form('/load', 'model', 'models/ggml-tiny.bin'));
    await until(() => demo.seen() === 2);
    expect((await demo.get('/health')).status).toBe(200);
    expect(demo.card.memory.usedMib()).toBe(1500);
    demo.time.go();
    expect((await running.ended).status).toBe(200);
    expect((await loading.ended).status).toBe(200);
  });

  test('of a file that is not there leaves /health at 404, though all works, until a load succeeds', async () => {
    await start();
    expect(await load('models/nope.bin')).toMatchObject(INVALID);
    expect(await request(form('/load', 'nope', 'x'))).toMatchObject(INVALID);
    expect(await demo.get('/health')).toMatchObject(NOT_FOUND);
    expect((await request(infer())).status).toBe(200);
    expect((await load('models/ggml-medium.bin')).status).toBe(200);
    expect((await demo.get('/health')).status).toBe(200);
  });

  test('that was refused changes nothing without sticky_404', async () => {
    await start({ sticky_404: false });
    expect((await load('models/nope.bin')).status).toBe(400);
    expect((await demo.get('/health')).status).toBe(200);
  });

  test('of a file that is no model leaves no model, without exits_on_a_bad_model', async () => {
    await start({ exits_on_a_bad_model: false });
    expect((await load('models/broken.bin')).status).toBe(500);
    expect(await request(infer())).toMatchObject({ status: 500, body: '{"error":"failed to process audio"}' });
    expect(demo.card.memory.usedMib()).toBe(0);
  });

  test('of a file that is no model ends the process, and frees its memory', async () => {
    await start();
    const card = fakeCard({ totalMib: 16_376 });
    const { child, url } = await forkDemo('whisper', card);
    const exited = once(child, 'exit');
    await expect(request({ ...form('/load', 'model', 'models/broken.bin'), url: `${url}/load` })).rejects.toThrow();
    expect(await exited).toEqual([1, null]);
    expect(card.memory.usedMib()).toBe(0);
    card.cleanup();
  });
});

test('without loads_before_bind it listens while it loads, with a 404', async () => {
  const time = new HeldTime();
  time.hold();
  demo = await startDemo((options) => createWhisper({ ...options, quirks: { loads_before_bind: false }, pause: time.pause }));
  expect(await demo.get('/health')).toMatchObject(NOT_FOUND);
  time.go();
  await until(() => demo.card.memory.usedMib() === 1500);
  expect((await demo.get('/health')).status).toBe(200);
});

test('without rewrites_errors its own words come through', async () => {
  await start({ rewrites_errors: false });
  expect(await load('models/nope.bin')).toMatchObject({ status: 400, body: '{"error":"model not found!"}' });
  expect(await demo.get('/health')).toMatchObject({ status: 503, body: '{"status":"loading model"}' });
});

test('without pool_of_eight /health answers however many are in flight', async () => {
  await start({ pool_of_eight: false });
  const uploads = Array.from({ length: 9 }, () => openUpload(`${demo.url}/inference`, FORM));
  await until(() => demo.seen() === 9);
  expect((await demo.get('/health')).status).toBe(200);
  for (const upload of uploads) upload.abort();
});

test.each([
  [true, 4],
  [false, 2],
])('with abandoned_take_their_turn %p an abandoned request in the queue and the next one make %i pauses', async (abandoned_take_their_turn, pauses) => {
  await start({ abandoned_take_their_turn });
  let left = 0;
  demo.server.on('request', (_, response) => response.once('close', () => (left += 1)));
  demo.time.hold();
  const running = openRequest(infer());
  await until(() => demo.time.pending === 1);
  const abandoned = openRequest(infer());
  await until(() => demo.seen() === 2);
  const next = openRequest(infer());
  await until(() => demo.seen() === 3);
  abandoned.abort();
  await until(() => left === 1);
  const before = demo.time.pauses.length;
  demo.time.go();
  await Promise.all([running.ended, next.ended]);
  // The second half of the first request's own comes on top.
  expect(demo.time.pauses.length - before - 1).toBe(pauses);
});

test('without deaf_at_first a client that leaves ends the work at once', async () => {
  await start({ deaf_at_first: false });
  demo.time.hold();
  const open = openRequest(infer());
  await until(() => demo.time.pending === 1);
  open.abort();
  await until(() => demo.time.pending === 0);
  expect(demo.time.aborted).toBe(1);
});

test('without waits_for_a_length a POST without one has an empty body', async () => {
  await start({ waits_for_a_length: false });
  const answer = await rawRequest(demo.port, 'POST /inference HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(answer.toString()).toMatch(/^HTTP\/1.1 400 /);
});

test('with openai_path it answers there and not at /inference', async () => {
  await start({ openai_path: true });
  expect(await request(infer())).toMatchObject({ status: 404, body: 'File Not Found (/inference)' });
  expect((await request(form('/v1/audio/transcriptions', 'file', toneWav(0.01)))).status).toBe(200);
});

test('the verbose answer has words and languages, unless these are not wanted', async () => {
  await start();
  const file = Buffer.from(`\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="response_format"\r\n\r\nverbose_json`);
  const verbose = await request(form('/inference', 'file', Buffer.concat([toneWav(1), file])));
  const words = [{ word: ' The', start: 0 }, { word: ' quick' }, { word: ' brown.', end: 1 }];
  expect(JSON.parse(verbose.body)).toMatchObject({ detected_language: 'english', segments: [{ words, tokens: expect.any(Array) }] });
  const without = Buffer.from(`\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="no_language_probabilities"\r\n\r\ntrue`);
  const short = await request(form('/inference', 'file', Buffer.concat([toneWav(1), file, without])));
  expect(JSON.parse(short.body)).not.toHaveProperty('detected_language');
});

test('an unknown quirk is refused', () => {
  expect(() => createWhisper({ card: demo.card.memory, quirks: { sticky: true } })).toThrow(/^quirks: expected loads_before_bind, .*; got sticky$/);
});
