import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LeaseProxy } from '../../lib/cli/lease-proxy.ts';
import { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, openUpload, rawRequest, request } from '../support/http.ts';
import { RawClient } from '../support/raw-client.ts';

let behind: FakeConsumer;
let proxy: LeaseProxy;
let url: string;
const port = () => Number(new URL(url).port);

beforeEach(async () => {
  behind = await FakeConsumer.start();
  proxy = new LeaseProxy({ url: new URL(behind.url), token: 'secret' });
  url = await proxy.open();
});
afterEach(async () => {
  await proxy.close();
  await behind.stop();
  expect(behind.errors).toEqual([]);
});

describe('the forwarder passes', () => {
  test('method, path, query, headers and body as they are, but for the host, the lease and what is hop-by-hop', async () => {
    behind.on('PATCH /a%2Fb', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    });
    const head = ['PATCH /a%2Fb?q=1&q=%20 HTTP/1.1', 'HOST: localhost', 'X-Two: 1', 'x-two: 2', 'X-GPU-Lease: mine', 'Te: trailers', 'X-Hop: 1', 'Connection: close, x-hop', 'Content-Length: 3'];
    await rawRequest(port(), `${head.join('\r\n')}\r\n\r\nabc`);
    const [seen] = behind.requests;
    const host = new URL(behind.url).host;
    const wanted = ['PATCH /a%2Fb?q=1&q=%20 HTTP/1.1', `Host: ${host}`, 'X-Two: 1', 'x-two: 2', 'Content-Length: 3', 'X-GPU-Lease: secret', 'Connection: close'];
    expect(seen?.raw.trimEnd().split('\r\n')).toEqual(wanted);
    expect(seen?.body?.toString()).toBe('abc');
  });

  test('status, reason, headers and body of an answer', async () => {
    const head = ['HTTP/1.1 299 Quite Fine', 'x-One: 1', 'X-one: 2', 'Keep-Alive: timeout=9', 'Content-Length: 2'];
    behind.on('GET /', (exchange) => exchange.write(`${head.join('\r\n')}\r\n\r\nhi`));
    const bytes = (await rawRequest(port(), 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).toString();
    expect(bytes).toBe('HTTP/1.1 299 Quite Fine\r\nx-One: 1\r\nX-one: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi');
  });

  test.each([['DELETE'], ['GET'], ['POST']])('a body in chunks of a %s', async (method) => {
    behind.on(`${method} /x`, async (exchange) => exchange.send(200, await exchange.readBody()));
    const bytes = await rawRequest(port(), `${method} /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
    expect(bytes.toString()).toMatch(/\r\n\r\nabc$/);
  });

  test('each piece of an answer when it comes, the head before all', async () => {
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    behind.on('GET /stream', async (exchange) => {
      await exchange.beginChunks();
      for (const [index, step] of steps.entries()) {
        await step.promise;
        await exchange.chunk(`piece ${index}`);
      }
      await exchange.endChunks();
    });
    const open = openRequest({ url: `${url}/stream` });
    const pieces = (await open.response)[Symbol.asyncIterator]();
    for (const [index, step] of steps.entries()) {
      step.resolve();
      expect(String((await pieces.next()).value)).toBe(`piece ${index}`);
    }
    expect((await pieces.next()).done).toBe(true);
  });

  test('each piece of a body when it comes, the head before all', async () => {
    const got: string[] = [];
    const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    behind.on('POST /up', async (exchange) => {
      for (const step of steps) {
        step.resolve();
        got.push((await exchange.readBody(1)).toString());
      }
      await exchange.send(200, got.join());
    });
    const open = openUpload(`${url}/up`);
    for (const [index, step] of steps.entries()) {
      await step.promise;
      open.request.write(String(index));
    }
    expect((await open.ended).body).toBe('0,1');
    open.request.end();
  });

  test('on only when the daemon wants the body, where the client asks first', async () => {
    behind.on('POST /big', (exchange) => exchange.json(413, { error: 'payload_too_large' }));
    behind.on('POST /small', async (exchange) => exchange.send(200, await exchange.readBody()));
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
    const refused = await RawClient.open(port());
    refused.send(head('/big'));
    expect((await refused.head())?.status).toBe(413);
    refused.reset();
    const client = await RawClient.open(port());
    client.send(head('/small'));
    expect((await client.head())?.status).toBe(100);
    client.send('ok');
    expect(await client.answer()).toMatchObject({ status: 200, body: 'ok' });
  });
});

test('the daemon is asked what it makes of another expectation', async () => {
  behind.on('GET /', (exchange) => exchange.json(418, {}));
  expect((await request({ url, headers: { expect: 'tea' } })).status).toBe(418);
  expect(behind.requests[0]?.headers['expect']).toBe('tea');
});

describe('the forwarder cuts', () => {
  test('the work of a client that leaves', async () => {
    behind.on('POST /work', (exchange) => exchange.never());
    const open = openRequest({ url: `${url}/work`, method: 'POST', body: {} });
    await behind.waitFor(1);
    open.abort();
    await behind.waitFor(({ aborted }) => aborted === true);
  });

  test('a stream that a client leaves', async () => {
    behind.on('GET /stream', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('x');
      await exchange.never();
    });
    const open = openRequest({ url: `${url}/stream` });
    await once(await open.response, 'data');
    open.abort();
    await behind.waitFor(({ aborted }) => aborted === true);
  });

  test.each(['fin', 'rst'] as const)('an answer that breaks off (%s)', async (end) => {
    behind.on('GET /half', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('half');
      exchange[end]();
    });
    expect(await request({ url: `${url}/half` })).toMatchObject({ status: 200, complete: false });
  });

  test('everything when it is closed', async () => {
    behind.on('POST /work', (exchange) => exchange.never());
    const open = openRequest({ url: `${url}/work`, method: 'POST', body: {} });
    await behind.waitFor(1);
    await proxy.close();
    await expect(open.ended).rejects.toThrow();
    await behind.waitFor(({ aborted }) => aborted === true);
    url = await proxy.open();
  });
});

describe('the forwarder itself answers', () => {
  test('502 in the daemon\'s envelope when nobody is there', async () => {
    behind.refuse();
    const { status, body } = await request({ url: `${url}/v1/llm`, method: 'POST', body: Buffer.alloc(1024 * 1024) });
    expect([status, JSON.parse(body)]).toEqual([502, { error: 'consumer_unreachable', message: 'no answer from the daemon: connection refused', retryable: true }]);
    await behind.listenAgain();
  });

  test('502 when there is no answer, and 200 on the same connection later', async () => {
    behind.on('POST /cut', (exchange) => exchange.rst());
    behind.on('GET /', (exchange) => exchange.json(200, {}));
    const client = await RawClient.open(port());
    client.send('POST /cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
    expect((await client.answer())?.status).toBe(502);
    client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await client.answer())?.status).toBe(200);
  });

  test('421 to a name that a page elsewhere could have', async () => {
    const answer = await request({ url: `${url}/v1/status`, headers: { host: 'evil.example:80' } });
    expect([answer.status, JSON.parse(answer.body).error]).toEqual([421, 'misdirected_request']);
    expect(behind.requests).toEqual([]);
  });
});

test('a daemon below a path gets its path before the client\'s', async () => {
  const below = new LeaseProxy({ url: new URL(`${behind.url}/gpu/`), token: 'secret' });
  behind.on('GET /gpu/v1/status', (exchange) => exchange.json(200, {}));
  expect((await request({ url: `${await below.open()}/v1/status` })).status).toBe(200);
  await below.close();
});

test('an answer before the end of a body does not stop the body', async () => {
  behind.on('POST /early', (exchange) => exchange.json(413, {}, { Connection: 'close' }).then(() => exchange.fin()));
  behind.on('GET /', (exchange) => exchange.json(200, {}));
  const client = await RawClient.open(port());
  const size = 4 * 1024 * 1024;
  client.send(`POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`);
  expect((await client.answer())?.status).toBe(413);
  client.send('x'.repeat(size));
  client.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await client.answer())?.status).toBe(200);
});
