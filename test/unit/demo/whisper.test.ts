import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createWhisper } from '../../../lib/demo/servers/whisper.ts';
import { toneWav } from '../../../lib/demo/servers/wav.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { openRequest, openUpload, rawRequest, request } from '../../support/http.ts';
import type { RequestOptions } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const BOUNDARY = 'xyz';
let demo: RunningDemo;
let responses: ServerResponse[];

beforeEach(async () => {
  demo = await startDemo(createWhisper);
  responses = [];
  demo.server.on('request', (_, response) => responses.push(response));
});
afterEach(() => demo.stop());

function field(name: string, value: Buffer | string): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
}

function inference(...fields: Buffer[]): RequestOptions {
  const body = Buffer.concat([...fields, Buffer.from(`--${BOUNDARY}--\r\n`)]);
  return { url: `${demo.url}/inference`, method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }, body };
}

const file = field('file', toneWav(1));

test('the model is in memory before the port opens', () => {
  expect(demo.card.memory.usedMib()).toBe(1500);
});

test('a recording is transcribed in every format', async () => {
  const json = await request(inference(file));
  expect(json).toMatchObject({ status: 200, body: '{"text":" The quick brown.\\n"}', headers: { server: 'whisper.cpp' } });
  const format = (name: string): ReturnType<typeof request> => request(inference(file, field('response_format', name)));
  expect(await format('text')).toMatchObject({ body: ' The quick brown.\n', headers: { 'content-type': 'text/html; charset=utf-8' } });
  expect((await format('srt')).body).toContain('00:00:00,000 --> 00:00:01,000');
  expect((await format('vtt')).body).toMatch(/^WEBVTT\n/);
  expect(JSON.parse((await format('verbose_json')).body)).toMatchObject({ duration: 1, segments: [{ start: 0, end: 1 }] });
});

test('a chunked upload is understood', async () => {
  const { headers = {}, body } = inference(file);
  const upload = openUpload(`${demo.url}/inference`, headers);
  upload.request.end(body);
  expect((await upload.ended).status).toBe(200);
});

test('a bad request is plain text, and so is an unknown path', async () => {
  expect(await request(inference())).toMatchObject({ status: 400, body: 'Invalid request', headers: { 'content-type': 'text/plain' } });
  expect(await request(inference(field('file', 'noise')))).toMatchObject({ status: 400, body: 'Invalid request' });
  expect(await demo.get('/inference')).toMatchObject({ status: 404, body: 'File Not Found (/inference)' });
});

test('idle connections are announced to end after 5 s', async () => {
  const answer = await rawRequest(demo.port, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(answer.toString()).toContain('Keep-Alive: timeout=5, max=100');
  expect(answer.toString().match(/200 OK/g)).toHaveLength(2);
});

test('a body without any length is waited for until the client leaves', async () => {
  const silent = rawRequest(demo.port, 'POST /inference HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => demo.seen() === 1);
  expect((await demo.get('/health')).status).toBe(200);
  expect(responses[0]?.headersSent).toBe(false);
  demo.server.closeAllConnections();
  expect((await silent).toString()).toBe('');
});

test('/health hangs while eight requests are in flight, and answers when one has left', async () => {
  const { headers = {} } = inference();
  const uploads = Array.from({ length: 8 }, () => openUpload(`${demo.url}/inference`, headers));
  await until(() => demo.seen() === 8);
  const health = openRequest({ url: `${demo.url}/health` });
  await until(() => demo.seen() === 9);
  await setImmediate();
  expect(responses[8]?.headersSent).toBe(false);
  uploads[0]?.abort();
  expect((await health.ended).status).toBe(200);
  for (const upload of uploads) upload.abort();
});

test('one recording at a time; abandoned ones stop late when they run, and still take their turn when they wait', async () => {
  const short = field('file', toneWav(0.01));
  demo.time.hold();
  const first = openRequest(inference(short));
  await until(() => demo.time.pending === 1);
  const second = openRequest(inference(short));
  await until(() => demo.seen() === 2);
  const third = openRequest(inference(short));
  await until(() => demo.seen() === 3);
  expect(demo.time.pending).toBe(1);
  first.abort();
  second.abort();
  await until(() => responses.slice(0, 2).every(({ destroyed }) => destroyed));
  demo.time.go();
  expect((await third.ended).status).toBe(200);
  const [deaf, listening] = [expect.closeTo(90.3), expect.closeTo(210.7)];
  expect(demo.time.pauses.slice(-6)).toEqual([deaf, listening, deaf, listening, deaf, listening]);
  expect(demo.time.aborted).toBe(2);
});

test('on a full card it does not start', async () => {
  await expect(startDemo(createWhisper, 1000)).rejects.toThrow(/^CUDA out of memory/);
});
