import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMvoice } from '../../../lib/demo/servers/mvoice.ts';
import { toneWav, wavSeconds } from '../../../lib/demo/servers/wav.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { request } from '../../support/http.ts';

let demo: RunningDemo;

beforeEach(async () => {
  demo = await startDemo(createMvoice);
});
afterEach(() => demo.stop());

async function speak(): Promise<string> {
  const { status, body } = await demo.post('/api/synthesize', { text: 'hello' });
  const spoken: unknown = JSON.parse(body);
  expect(spoken).toEqual({ audio_url: expect.any(String), tts_ms: expect.any(Number) });
  expect(status).toBe(200);
  return /"audio_url":"([^"]*)"/.exec(body)?.[1] ?? '';
}

test('it starts loaded; unload leaves only its context; load brings it back', async () => {
  const health = async (): Promise<unknown> => JSON.parse((await demo.get('/api/health')).body);
  expect(await health()).toEqual({ status: 'ok', loaded: true, gpu_resident_mib: 2800 });
  expect(demo.card.memory.usedMib()).toBe(2800);
  expect((await demo.post('/api/admin/unload')).status).toBe(200);
  expect(await health()).toEqual({ status: 'ok', loaded: false, gpu_resident_mib: 9 });
  expect(demo.card.memory.usedMib()).toBe(9);
  expect((await demo.post('/api/admin/load')).status).toBe(200);
  expect(demo.card.memory.usedMib()).toBe(2800);
});

test('speech is a playable WAV at the address in the answer', async () => {
  const url = await speak();
  expect(url).toMatch(/^\/audio\/[0-9a-f-]+\.wav$/);
  const audio = await demo.get(url);
  expect(audio).toMatchObject({ status: 200, headers: { 'content-type': 'audio/wav', 'accept-ranges': 'bytes' } });
  expect(wavSeconds(audio.bytes)).toBeCloseTo(0.8, 2);
  const head = await request({ url: demo.url + url, method: 'HEAD' });
  expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': String(audio.bytes.length) } });
  expect((await demo.get('/audio/nope.wav')).status).toBe(404);
});

test('a player can ask for parts of the audio', async () => {
  const url = await speak();
  const whole = await demo.get(url);
  const size = whole.bytes.length;
  const part = await demo.get(url, { range: 'bytes=4-7' });
  expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 4-7/${size}` } });
  expect(part.bytes).toEqual(whole.bytes.subarray(4, 8));
  const tail = await demo.get(url, { range: 'bytes=-10' });
  expect(tail.bytes).toEqual(whole.bytes.subarray(size - 10));
  const beyond = await demo.get(url, { range: `bytes=${size}-` });
  expect(beyond).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${size}` } });
});

test('a recording is transcribed', async () => {
  const form = new FormData();
  form.set('file', new Blob([Uint8Array.from(toneWav(1))]), 'a.wav');
  const answer = await fetch(`${demo.url}/api/transcribe`, { method: 'POST', body: form });
  expect(await answer.json()).toEqual({ text: 'The quick brown.' });
});

test('what is missing is named in the manner of FastAPI', async () => {
  const answer = await demo.post('/api/synthesize', {});
  expect(answer.status).toBe(422);
  expect(JSON.parse(answer.body)).toMatchObject({ detail: [{ loc: ['body', 'text'] }] });
  expect((await demo.post('/api/transcribe', 'x')).status).toBe(422);
  expect(JSON.parse((await demo.get('/nope')).body)).toEqual({ detail: 'Not Found' });
});

test('on a full card a load fails with 500 and leaves nothing behind', async () => {
  await demo.post('/api/admin/unload');
  demo.card.hold('game', 14_000, process.ppid);
  const answer = await demo.post('/api/admin/load');
  expect(answer.status).toBe(500);
  expect(JSON.parse(answer.body)).toMatchObject({ detail: expect.stringMatching(/^CUDA out of memory/) });
  expect(demo.card.memory.usedMib()).toBe(14_009);
});
