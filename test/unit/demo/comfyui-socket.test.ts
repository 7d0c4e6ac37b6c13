import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { demoRequest } from '../../../lib/demo/request-set.ts';
import { createComfyui } from '../../../lib/demo/servers/comfyui.ts';
import { isObject } from '../../../lib/demo/servers/http.ts';
import type { Quirks } from '../../../lib/demo/servers/http.ts';
import { startDemo } from '../../support/demo-server.ts';
import type { RunningDemo } from '../../support/demo-server.ts';
import { request } from '../../support/http.ts';
import { until } from '../../support/until.ts';

const END = { type: 'executing', data: { node: null } };
let demo: RunningDemo;
let listeners: Listener[];

afterEach(async () => {
  for (const { socket } of listeners) socket.terminate();
  await demo.stop();
});

async function start(quirks: Quirks = {}): Promise<RunningDemo> {
  listeners = [];
  demo = await startDemo((options) => createComfyui({ ...options, quirks }));
  return demo;
}

interface Event {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client of the WebSocket, and what it has heard. */
interface Listener {
  readonly socket: WebSocket;
  readonly events: Event[];
  readonly previews: Buffer[];
}

async function listenAs(clientId: string, path = '/ws'): Promise<Listener> {
  const socket = new WebSocket(`${demo.url.replace('http', 'ws')}${path}?clientId=${clientId}`);
  const heard: Listener = { socket, events: [], previews: [] };
  listeners.push(heard);
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) heard.previews.push(data);
    else heard.events.push(eventIn(data.toString()));
  });
  await once(socket, 'open');
  await until(() => heard.events.length > 0);
  return heard;
}

function eventIn(text: string): Event {
  const value: unknown = JSON.parse(text);
  if (isObject(value) && typeof value['type'] === 'string' && isObject(value['data'])) return { type: value['type'], data: value['data'] };
  throw new Error(`expected an event, got ${text}`);
}

/** Submits a workflow of eight steps. */
async function submit(seed: number, rest: Record<string, unknown> = {}): Promise<string> {
  const workflow: unknown = JSON.parse(demoRequest('image', seed).body.toString());
  const { status, body } = await demo.post('/prompt', { ...(isObject(workflow) ? workflow : {}), ...rest });
  expect(status).toBe(200);
  return /"prompt_id":"([^"]*)"/.exec(body)?.[1] ?? '';
}

const types = ({ events }: Listener): string[] => events.map(({ type }) => type).filter((type) => type !== 'status');
const queues = ({ events }: Listener): unknown[] => events.filter(({ type }) => type === 'status').map(({ data }) => data['status']);
const remaining = (count: number): unknown => ({ exec_info: { queue_remaining: count } });

async function drained(listener: Listener): Promise<void> {
  await until(() => JSON.stringify(queues(listener).at(-1)) === JSON.stringify(remaining(0)));
}

async function ended(listener: Listener): Promise<void> {
  await until(() => listener.events.some(({ type, data }) => type === 'executing' && data['node'] === null));
}

describe('a prompt with a client_id', () => {
  test('tells its owner all, in order', async () => {
    await start();
    const owner = await listenAs('me');
    const id = await submit(1, { client_id: 'me' });
    await ended(owner);
    const nodes = ['4', '6', '7', '5', '3', '8', '9'];
    const executing = owner.events.filter(({ type }) => type === 'executing').map(({ data }) => data['node']);
    expect([...executing].slice(0, -1).toSorted()).toEqual(nodes.toSorted());
    expect(executing.indexOf('4')).toBeLessThan(executing.indexOf('3'));
    expect(executing.slice(-3)).toEqual(['8', '9', null]);
    const all = types(owner);
    expect(all.slice(0, 3)).toEqual(['execution_start', 'execution_cached', 'executing']);
    expect(all.slice(-4)).toEqual(['executing', 'executed', 'execution_success', 'executing']);
    expect(owner.events.at(-1)).toMatchObject({ ...END, data: { node: null, prompt_id: id } });
    const progress = owner.events.filter(({ type }) => type === 'progress').map(({ data }) => data);
    expect(progress).toHaveLength(8);
    expect(progress[2]).toEqual({ value: 3, max: 8, prompt_id: id, node: '3' });
    const executed = owner.events.find(({ type }) => type === 'executed');
    expect(executed?.data).toMatchObject({ node: '9', output: { images: [{ filename: 'ComfyUI_00001_.png' }] }, prompt_id: id });
  });

  test('sends its owner previews as binary messages: two numbers and a PNG', async () => {
    await start();
    const owner = await listenAs('me');
    await submit(1, { client_id: 'me' });
    await ended(owner);
    expect(owner.previews).toHaveLength(8);
    const [frame = Buffer.alloc(8)] = owner.previews;
    expect([frame.readUInt32BE(0), frame.readUInt32BE(4), frame.toString('latin1', 9, 12)]).toEqual([1, 2, 'PNG']);
  });

  test('tells others only how long the queue is, at each change', async () => {
    await start();
    const other = await listenAs('other');
    expect(other.events).toEqual([{ type: 'status', data: { status: remaining(0), sid: 'other' } }]);
    demo.time.hold();
    await submit(1, { client_id: 'me' });
    const second = await submit(2);
    await demo.post('/queue', { delete: [second] });
    demo.time.go();
    await drained(other);
    expect(types(other)).toEqual([]);
    expect(queues(other)).toEqual([0, 1, 1, 2, 1, 0].map(remaining));
    expect(other.previews).toEqual([]);
  });

  test('that comes from the cache tells of its output all the same', async () => {
    await start();
    const owner = await listenAs('me');
    await submit(1);
    await drained(owner);
    await submit(1, { client_id: 'me' });
    await ended(owner);
    expect(types(owner)).toEqual(['execution_start', 'execution_cached', 'executed', 'execution_success', 'executing']);
    expect(owner.events.find(({ type }) => type === 'execution_cached')?.data['nodes']).toHaveLength(7);
  });

  test('shows an owner that comes later where it is', async () => {
    await start();
    demo.time.hold();
    await submit(1, { client_id: 'me' });
    const late = await listenAs('me');
    await until(() => late.events.length === 2);
    expect(late.events[1]).toEqual({ type: 'executing', data: { node: '4' } });
    const other = await listenAs('other');
    demo.time.go();
    await drained(other);
    expect(types(other)).toEqual([]);
  });

  test('goes on when its owner closes the socket', async () => {
    await start();
    demo.time.hold();
    const owner = await listenAs('me');
    const other = await listenAs('other');
    const id = await submit(1, { client_id: 'me' });
    owner.socket.close();
    await once(owner.socket, 'close');
    demo.time.go();
    await drained(other);
    expect((await demo.get(`/history/${id}`)).body).toContain('"completed":true');
  });
});

describe('a prompt without client_id', () => {
  test('tells nobody of its execution', async () => {
    await start();
    const anybody = await listenAs('me');
    await submit(1);
    await drained(anybody);
    expect(types(anybody)).toEqual([]);
  });

  test('tells everybody of its progress with progress_to_all', async () => {
    await start({ progress_to_all: true, previews: false });
    const anybody = await listenAs('me');
    await submit(1);
    await drained(anybody);
    expect(types(anybody)).toEqual(Array.from({ length: 8 }, () => 'progress'));
    expect(anybody.previews).toEqual([]);
  });

  test('that is interrupted says so to everybody', async () => {
    await start();
    const anybody = await listenAs('me');
    demo.time.hold();
    await submit(1);
    await demo.post('/interrupt');
    demo.time.go();
    await drained(anybody);
    expect(types(anybody)).toEqual(['execution_interrupted']);
  });
});

describe('a clientId that is in use', () => {
  test('is stolen: the newer socket has the events, the older one hears nothing', async () => {
    await start();
    const older = await listenAs('me');
    const newer = await listenAs('me');
    const known = older.events.length;
    await submit(1, { client_id: 'me' });
    await ended(newer);
    expect(older.events).toHaveLength(known);
  });

  test.each([
    [true, 0],
    [false, 1],
  ])('with client_id_trap %p the older socket closes, and the newer one hears of %i ends', async (client_id_trap, ends) => {
    await start({ client_id_trap });
    const older = await listenAs('me');
    const newer = await listenAs('me');
    const watcher = await listenAs('watcher');
    older.socket.close();
    await once(older.socket, 'close');
    await submit(1, { client_id: 'me' });
    await drained(watcher);
    newer.socket.ping();
    await once(newer.socket, 'pong');
    expect(newer.events.filter(({ type, data }) => type === 'executing' && data['node'] === null)).toHaveLength(ends);
  });
});

test('without a clientId it gives one', async () => {
  await start();
  const listener = await listenAs('');
  expect(listener.events[0]?.data['sid']).toMatch(/^[0-9a-f]{32}$/);
});

test('it is there under /api too, and nowhere else', async () => {
  await start();
  expect((await listenAs('me', '/api/ws')).events).toHaveLength(1);
  const lost = new WebSocket(`${demo.url.replace('http', 'ws')}/nope`);
  await expect(once(lost, 'open')).rejects.toMatchObject({ message: 'Unexpected server response: 404' });
  expect((await request({ url: `${demo.url}/ws` })).status).toBe(400);
});

test('the page of another site may not upgrade', async () => {
  await start();
  const foreign = new WebSocket(`${demo.url.replace('http', 'ws')}/ws`, { origin: 'http://evil.test' });
  await expect(once(foreign, 'open')).rejects.toMatchObject({ message: 'Unexpected server response: 403' });
});
