import { afterEach, describe, expect, test } from '@jest/globals';
import { ALL_KINDS, simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
afterEach(() => broker.stop());

const COMPLETION = { id: '/ids', path: '/history/{id}', state: '/{id}/status' };
const BUSY = { path: '/queue', pointer: '/remaining' };

/** A server whose POST /work names its job and goes on; what its other routes say is the test's. */
interface JobServer {
  readonly fake: FakeConsumer;
  /** Body of GET /history/…: by job. */
  readonly history: Record<string, unknown>;
  remaining: number;
  ids: unknown;
}

async function jobServer(): Promise<JobServer> {
  const fake = await simpleConsumer();
  const server: JobServer = { fake, history: {}, remaining: 1, ids: 'a/1' };
  fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.json(200, { ids: server.ids });
  });
  fake.on('GET /history/*', (exchange) => exchange.json(200, server.history));
  fake.on('GET /queue', (exchange) => exchange.json(200, { remaining: server.remaining }));
  fake.on('POST /cancel*', async (exchange) => {
    await exchange.readBody();
    await exchange.json(200, {});
  }, { gpu: false });
  return server;
}

async function start(server: JobServer, settings: Settings): Promise<void> {
  broker = await startBroker({ consumers: { image: { fake: server.fake, settings: { paths: ALL_KINDS, ...settings } } } });
}

function post() {
  return request({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
}

/** Resolves when the job has been asked about `count` times more. */
async function askedAgain({ fake }: JobServer, count = 2): Promise<void> {
  const seen = fake.requests.length;
  await until(() => fake.requests.slice(seen).filter(({ path }) => path.startsWith('/history/')).length >= count);
}

function logged(message: string): boolean {
  return broker.logger.lines.some((line) => line.message === message);
}

describe('the lease of a job that outlives its request', () => {
  test('is held after the answer, and ends when the job has ended', async () => {
    const server = await jobServer();
    await start(server, { completion: COMPLETION });
    expect((await post()).status).toBe(200);
    const next = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await broker.waiting(1);
    await askedAgain(server);
    expect(server.fake.jobs).toHaveLength(1);
    expect((await broker.status()).scheduler).toMatchObject({ in_flight: 1, queue_depth: 1 });
    // A failed job has a state too.
    server.history['a/1'] = { status: 'error' };
    expect((await next.ended).status).toBe(200);
    await broker.running(0);
    expect(server.fake.requests.some(({ path }) => path === '/history/a%2F1')).toBe(true);
  });

  test('ends only in one of the states that mean the end, where those are named', async () => {
    const server = await jobServer();
    await start(server, { completion: { ...COMPLETION, ended: ['completed', 'failed'] } });
    server.history['a/1'] = { status: 'in_progress' };
    await post();
    await askedAgain(server);
    await broker.running(1);
    server.history['a/1'] = { status: 'failed' };
    await broker.running(0);
  });

  test('ends when the last of several jobs has ended', async () => {
    const server = await jobServer();
    server.ids = [1, 2];
    await start(server, { completion: COMPLETION });
    await post();
    server.history['1'] = { status: 'done' };
    await until(() => server.fake.requests.some(({ path }) => path === '/history/2'));
    await askedAgain(server);
    await broker.running(1);
    server.history['2'] = { status: 'done' };
    await broker.running(0);
  });

  test('ends when the job is lost: unknown, though the consumer is idle', async () => {
    const server = await jobServer();
    await start(server, { completion: COMPLETION, busy: BUSY });
    await post();
    await askedAgain(server);
    await broker.running(1);
    server.remaining = 0;
    await broker.running(0);
    expect(logged('a job is lost: its consumer knows nothing of it')).toBe(true);
  });

  test.each([404, 410])('ends when the job is answered with %i', async (status) => {
    const server = await jobServer();
    await start(server, { completion: COMPLETION });
    server.fake.on('GET /history/*', (exchange) => exchange.json(status, {}));
    await post();
    await broker.running(0);
  });

  test('ends when the consumer is gone in the middle', async () => {
    const server = await jobServer();
    await start(server, { completion: COMPLETION });
    await post();
    await askedAgain(server);
    server.fake.refuse();
    await broker.running(0);
  });

  test('ends at completion.max, and the job is cancelled', async () => {
    const server = await jobServer();
    await start(server, { completion: { ...COMPLETION, max: '100ms' }, cancel: [{ path: '/cancel/{id}', body: { delete: ['{id}'] } }] });
    await post();
    await broker.running(0);
    expect(logged('a job did not end in time; it is cancelled and the lease ends')).toBe(true);
    await server.fake.waitFor(({ path }) => path === '/cancel/a%2F1');
  });

  test('is not held for a request that the consumer refused', async () => {
    const server = await jobServer();
    await start(server, { completion: COMPLETION });
    server.fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(400, { ids: 'no job' });
    });
    expect((await post()).status).toBe(400);
    await broker.running(0);
    expect(server.fake.requests.every(({ path }) => !path.startsWith('/history'))).toBe(true);
  });
});

describe('of a client that leaves before the answer', () => {
  /** Sends a request that is answered when the test says so, and leaves once the consumer has it. */
  async function leaveEarly(server: JobServer, answer: string, settings: Settings): Promise<() => void> {
    const held = Promise.withResolvers<void>();
    server.fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await held.promise;
      await exchange.write(answer);
    });
    await start(server, settings);
    const open = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    open.ended.catch(() => undefined);
    await server.fake.waitFor(1);
    open.abort();
    await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/v1/image'));
    return held.resolve;
  }

  const JSON_ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{"ids":"a/1"}\n';

  test('the job is cancelled as soon as its id is known, and the lease ends when it has ended', async () => {
    const server = await jobServer();
    const cancel = [
      { path: '/cancel', body: { delete: ['{id}'] } },
      { path: '/cancel/running', only_if: { path: '/queue', pointer: '/running', equals: '{id}' } },
      { path: '/cancel/other', only_if: { path: '/queue', pointer: '/running', equals: 'other' } },
    ];
    server.fake.on('GET /queue', (exchange) => exchange.json(200, { remaining: 1, running: 'a/1' }));
    const answer = await leaveEarly(server, JSON_ANSWER, { completion: COMPLETION, client_gone: 'finish', cancel });
    expect((await broker.status()).scheduler.in_flight).toBe(1);
    answer();
    await server.fake.waitFor(({ path }) => path === '/cancel/running');
    await askedAgain(server);
    expect(server.fake.requests.filter(({ path }) => path.startsWith('/cancel')).map(({ path }) => path)).toEqual(['/cancel', '/cancel/running']);
    await broker.running(1);
    server.history['a/1'] = { status: 'error' };
    await broker.running(0);
  });

  test('work that nothing ends is awaited, and no second job begins on the card', async () => {
    const server = await jobServer();
    const answer = await leaveEarly(server, JSON_ANSWER, { client_gone: 'finish' });
    const next = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    await broker.waiting(1);
    expect(server.fake.jobs).toHaveLength(1);
    expect(server.fake.active).toBe(1);
    answer();
    expect((await next.ended).status).toBe(200);
  });

  test('work without an id is cancelled at once', async () => {
    const server = await jobServer();
    const answer = await leaveEarly(server, JSON_ANSWER, { client_gone: 'finish', cancel: [{ path: '/cancel/all' }] });
    await server.fake.waitFor(({ path }) => path === '/cancel/all');
    await broker.running(1);
    answer();
    await broker.running(0);
  });

  test('work whose answer streams ends with its connection where that is what ends it', async () => {
    const server = await jobServer();
    const answer = await leaveEarly(server, 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n', { client_gone: 'close_stream' });
    await broker.running(1);
    answer();
    await broker.running(0);
  });
});

describe('when a client leaves in the middle of an answer', () => {
  async function leaveInTheMiddle(contentType: string): Promise<{ readonly fake: FakeConsumer; finish(): void }> {
    const { fake } = await jobServer();
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.write(`HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ncontent-length: 4\r\n\r\nab`);
      await Promise.race([held.promise, exchange.closed]);
      await exchange.write('cd');
    });
    broker = await startBroker({ consumers: { image: { fake, settings: { client_gone: 'close_stream' } } } });
    const open = openRequest({ url: `${broker.url}/v1/image`, method: 'POST', body: {} });
    open.ended.catch(() => undefined);
    const response = await open.response;
    await new Promise((resolve) => response.once('data', resolve));
    open.abort();
    return { fake, finish: held.resolve };
  }

  test('a stream is cut', async () => {
    const { fake } = await leaveInTheMiddle('text/event-stream');
    await until(() => fake.active === 0);
    await broker.running(0);
  });

  test('anything else is read to its end', async () => {
    const { fake, finish } = await leaveInTheMiddle('application/json');
    await until(() => broker.logger.lines.some(({ message, fields }) => message === 'exchange' && fields?.['path'] === '/v1/image'));
    expect(fake.active).toBe(1);
    expect(broker.daemon.gate.statistics.running).toBe(1);
    finish();
    await broker.running(0);
  });
});
