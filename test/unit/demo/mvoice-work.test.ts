import { once } from 'node:events';
import type { Server } from 'node:http';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMvoice } from '../../../lib/demo/servers/mvoice.ts';
import type { DemoServer } from '../../../lib/demo/servers/http.ts';
import { toneWav } from '../../../lib/demo/servers/wav.ts';
import { createWhisper } from '../../../lib/demo/servers/whisper.ts';
import { readWork, workOn } from '../../../lib/demo/servers/work-record.ts';
import type { WorkLine } from '../../../lib/demo/servers/work-record.ts';
import { forkDemo } from '../../support/demo-server.ts';
import { fakeCard } from '../../support/fake-card.ts';
import type { FakeCard } from '../../support/fake-card.ts';
import { HeldTime } from '../../support/held-time.ts';
import { openRequest, request } from '../../support/http.ts';
import type { OpenRequest } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const NOBODY = 2 ** 22 - 1;
let card: FakeCard;
let time: HeldTime;
let servers: Server[];

beforeEach(() => {
  card = fakeCard({ totalMib: 16_376 });
  time = new HeldTime();
  servers = [];
});
afterEach(() => {
  time.go();
  for (const server of servers) server.close().closeAllConnections();
  card.cleanup();
});

async function listen({ server, prepare }: DemoServer): Promise<string> {
  await prepare();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  servers.push(server);
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

async function mvoice(): Promise<string> {
  return listen(createMvoice({ card: card.memory, pause: time.pause }));
}

function speak(url: string): OpenRequest {
  return openRequest({ url: `${url}/api/synthesize`, method: 'POST', body: { text: 'hello' } });
}

function transcribe(url: string): OpenRequest {
  const body = Buffer.concat([Buffer.from('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'), toneWav(1), Buffer.from('\r\n--x--\r\n')]);
  return openRequest({ url: `${url}/inference`, method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' }, body });
}

test('two servers at work at once are found, and how long each was at work', async () => {
  const [tts, stt] = [await mvoice(), await listen(createWhisper({ card: card.memory, pause: time.pause }))];
  time.hold();
  const one = speak(tts);
  await until(() => time.pending === 1);
  const other = transcribe(stt);
  await until(() => time.pending === 2);
  expect(readWork(card.dir).overlaps).toMatchObject([{ first: { job: 'synthesize' }, second: { job: 'inference' } }]);
  time.go();
  await Promise.all([one.ended, other.ended]);
  const { overlaps, busyMs, totalMs } = readWork(card.dir);
  expect(overlaps).toMatchObject([{ first: { server: 'mvoice' }, second: { server: 'whisper-server' }, ms: expect.any(Number) }]);
  expect([...busyMs.keys()]).toEqual(['mvoice', 'whisper-server']);
  expect(overlaps[0]?.ms).toBeGreaterThan(0);
  expect(totalMs).toBeGreaterThan(2 * (overlaps[0]?.ms ?? 0));
});

test('one after the other is no overlap: the record has the end before the client has the answer', async () => {
  const [tts, stt] = [await mvoice(), await listen(createWhisper({ card: card.memory, pause: time.pause }))];
  await speak(tts).ended;
  await transcribe(stt).ended;
  await speak(tts).ended;
  const { lines, overlaps } = readWork(card.dir);
  expect(overlaps).toEqual([]);
  const jobs = lines.filter(({ event }) => event === 'begin').map(({ job }) => job);
  expect(jobs).toEqual(['load', 'load', 'synthesize', 'inference', 'synthesize']);
});

test('work that outlives its client goes on in the record', async () => {
  const [tts, stt] = [await mvoice(), await listen(createWhisper({ card: card.memory, pause: time.pause }))];
  time.hold();
  const left = speak(tts);
  await until(() => time.pending === 1);
  left.abort();
  const next = transcribe(stt);
  await until(() => time.pending === 2);
  expect(readWork(card.dir).overlaps).toHaveLength(1);
  time.go();
  await next.ended;
});

test('memory that the card refused is in the record', async () => {
  const url = await mvoice();
  await request({ url: `${url}/api/admin/unload`, method: 'POST' });
  card.hold('game', 14_000, process.ppid);
  expect(readWork(card.dir).ooms).toEqual([]);
  expect((await request({ url: `${url}/api/admin/load`, method: 'POST' })).status).toBe(500);
  expect(readWork(card.dir).ooms).toMatchObject([{ server: 'mvoice', pid: process.pid, job: expect.stringMatching(/^\d+ MiB$/) }]);
});

test('the record is read by the order of its lines, whatever the clocks of two processes say', () => {
  write({ server: 'a', at: 100, event: 'begin' }, { server: 'a', at: 300, event: 'end' }, { server: 'b', at: 200, event: 'begin' }, { server: 'b', at: 250, event: 'end' });
  const { overlaps, busyMs, totalMs } = readWork(card.dir);
  expect(overlaps).toEqual([]);
  expect(Object.fromEntries(busyMs)).toEqual({ a: 200, b: 50 });
  expect(totalMs).toBe(250);
});

test('jobs of one server at the same time count once, and are no overlap', () => {
  write({ at: 100, event: 'begin' }, { at: 150, event: 'begin' }, { at: 200, event: 'end' }, { at: 300, event: 'end' });
  const { overlaps, totalMs } = readWork(card.dir);
  expect(overlaps).toEqual([]);
  expect(totalMs).toBe(200);
});

test('a process that was killed at work is not at work for ever', () => {
  write({ server: 'dead', pid: NOBODY, at: 100, event: 'begin' }, { server: 'b', at: 500, event: 'begin' }, { server: 'b', at: 600, event: 'end' });
  expect(readWork(card.dir)).toMatchObject({ overlaps: [], totalMs: 100 });
});

test('work ends once, and a card that is gone keeps no record', () => {
  const end = workOn(card.memory, 'a', 'job');
  end();
  end();
  expect(readWork(card.dir).lines).toMatchObject([{ event: 'begin' }, { event: 'end' }]);
  card.cleanup();
  workOn(card.memory, 'a', 'job')();
  expect(readWork(card.dir)).toMatchObject({ lines: [], totalMs: 0 });
});

test('processes of their own share the record, and one that is told to end says so in it', async () => {
  const [tts, llm] = [await forkDemo('mvoice', card, '--speed', '1'), await forkDemo('ollama', card, '--speed', '1')];
  speak(tts.url);
  openRequest({ url: `${llm.url}/api/generate`, method: 'POST', body: { model: 'llama3.2:3b' } });
  await until(() => readWork(card.dir).overlaps.length > 0);
  const exited = once(llm.child, 'exit');
  llm.child.kill('SIGTERM');
  await exited;
  const { lines } = readWork(card.dir);
  expect(lines.filter(({ pid }) => pid === llm.child.pid).at(-1)).toMatchObject({ server: 'ollama', event: 'end', job: 'load' });
  await tts.stop();
});

function write(...lines: Partial<WorkLine>[]): void {
  const whole = lines.map((line) => JSON.stringify({ server: 'a', pid: process.pid, job: 'job', ...line }));
  appendFileSync(join(card.dir, 'work.jsonl'), `${whole.join('\n')}\n`);
}
