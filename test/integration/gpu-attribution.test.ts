import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../lib/clock.ts';
import type { Attribution } from '../../lib/core/model.ts';
import { Attributor } from '../../lib/gpu/processes.ts';
import type { AttributedConsumer } from '../../lib/gpu/processes.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeCard } from '../support/fake-card.ts';
import { readerOf } from '../support/gpu-reader.ts';
import { listeningProcess } from '../support/listening-process.ts';
import type { ListeningOptions, ListeningProcess } from '../support/listening-process.ts';

let card: FakeCard;
let attributor: Attributor;
let processes: ListeningProcess[];

beforeEach(() => {
  card = fakeCard({ totalMib: 24_576 });
  attributor = new Attributor(systemClock);
  processes = [];
});

afterEach(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  card.cleanup();
});

async function start(options: ListeningOptions = {}): Promise<ListeningProcess> {
  const started = await listeningProcess(options);
  processes.push(started);
  return started;
}

function consumerOf(name: string, { port }: { port: number }, host = '127.0.0.1'): AttributedConsumer {
  return { name, url: `http://${host}:${port}` };
}

/** Who holds what, read through nvidia-smi and /proc. */
async function attribution(consumers: readonly AttributedConsumer[]): Promise<Attribution> {
  const reading = await readerOf(card, { attribute: (use) => attributor.attribution(consumers, use) }).read();
  if (!reading.ok || reading.sample.attribution === null) throw new Error(`no attribution: ${JSON.stringify(reading)}`);
  return reading.sample.attribution;
}

test('memory goes to the consumer whose port the process or its parent listens on, the rest is foreign', async () => {
  const [tts, stt, stranger] = await Promise.all([start(), start(), start()]);
  card.hold('tts', 700, tts.pid);
  card.hold('tts worker', 2000, tts.childPid);
  card.hold('game', 4000, stranger.pid);
  const { uses, foreign, unknownHolders } = await attribution([consumerOf('tts', tts), consumerOf('stt', stt)]);
  expect(Object.fromEntries(uses)).toEqual({ tts: 2700, stt: 0 });
  expect(foreign).toEqual([{ pid: stranger.pid, name: 'game', usedMib: 4000 }]);
  expect(unknownHolders).toEqual([]);
});

test('a consumer is followed through death and restart', async () => {
  const first = await start();
  const consumer = consumerOf('tts', first);
  card.hold('tts', 700, first.pid);
  expect((await attribution([consumer])).uses.get('tts')).toBe(700);
  await first.kill();
  expect((await attribution([consumer])).uses.get('tts')).toBe(0);
  const second = await start();
  card.hold('tts', 900, second.pid);
  expect((await attribution([consumerOf('tts', second)])).uses.get('tts')).toBe(900);
});

test('memory taken, freed and taken again by a child that came later is seen', async () => {
  const tts = await start();
  const consumers = [consumerOf('tts', tts)];
  expect((await attribution(consumers)).uses.get('tts')).toBe(0);
  card.hold('worker', 500, tts.childPid);
  expect((await attribution(consumers)).uses.get('tts')).toBe(500);
  card.hold('worker', 0, tts.childPid);
  expect((await attribution(consumers)).uses.get('tts')).toBe(0);
});

test('a consumer that listens on every address or on IPv6 is found', async () => {
  const [any, six] = await Promise.all([start({ host: '0.0.0.0' }), start({ host: '::' })]);
  card.hold('any', 100, any.pid);
  card.hold('six', 200, six.pid);
  const { uses } = await attribution([consumerOf('any', any, 'localhost'), consumerOf('six', six), consumerOf('bracket', six, '[::1]')]);
  expect(uses.get('any')).toBe(100);
  // Two consumers at one port: nobody can say who uses how much.
  expect([uses.get('six'), uses.get('bracket')]).toEqual([null, null]);
});

test('behind a forwarder into a container nobody knows who the consumer is', async () => {
  const [proxy, inside] = await Promise.all([start({ title: 'docker-proxy' }), start()]);
  card.hold('ollama', 5000, inside.pid);
  const { uses, foreign, unknownHolders } = await attribution([consumerOf('llm', proxy)]);
  expect(uses.get('llm')).toBeNull();
  expect(foreign).toEqual([]);
  expect(unknownHolders).toMatchObject([{ pid: inside.pid }]);
});

test('a consumer on another machine takes no part', async () => {
  const tts = await start();
  card.hold('game', 700, tts.pid);
  const { uses, foreign } = await attribution([consumerOf('remote', tts, '192.0.2.1')]);
  expect(uses.has('remote')).toBe(false);
  expect(foreign).toHaveLength(1);
});

test('a consumer inside this very process is found', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  card.hold('tts', 300);
  expect((await attribution([consumerOf('tts', address)])).uses.get('tts')).toBe(300);
  server.close();
});
