import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { ConnectionLimits } from '../../lib/connection-limits.ts';
import { createHttpServer } from '../../lib/http-server.ts';
import { AccessRules } from '../../lib/middlewares/access-rules.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { configured } from '../support/configured.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { FakeLogger } from '../support/fake-logger.ts';
import { parseAnswers, requestText } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';
import { RawClient } from '../support/raw-client.ts';

const MIB = 1024 * 1024;
/** More than the buffers of both sockets hold, so that it can only be sent if somebody reads. */
const LARGE = Buffer.alloc(5 * MIB, 'x');

let broker: Broker;
let fake: FakeConsumer;
beforeEach(async () => {
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { routing: { image: 'mvoice' }, limits: { body: '1MiB' } } });
});
afterEach(() => broker.stop());

/** Sends everything before it reads a byte, as simple clients do, and fails if it cannot; what it then reads. */
async function sendsThenReads(bytes: Buffer): Promise<WireAnswer | undefined> {
  const socket = connect(broker.port, '127.0.0.1');
  const failed = new Promise<never>((_resolve, reject) => socket.once('error', reject));
  await Promise.race([failed, new Promise<void>((resolve) => socket.write(bytes, () => resolve()))]);
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk)).end();
  await Promise.race([failed, once(socket, 'close')]);
  return parseAnswers(Buffer.concat(received))[0];
}

const behind = (...lines: readonly string[]): Buffer => Buffer.concat([requestText(lines), LARGE]);

describe('a refusal of a request whose body is still on its way', () => {
  test.each([
    ['POST /nothing', 404, 'not_found'],
    ['DELETE /v1/image', 405, 'method_not_allowed'],
    ['POST /v1/image', 413, 'payload_too_large'],
    ['POST /v1/consumers/nobody/load', 404, 'unknown_consumer'],
    ['POST /audio/../x', 400, 'bad_request'],
  ])('is read by a client that sends everything first: %s', async (start, status, error) => {
    const answer = await sendsThenReads(behind(`${start} HTTP/1.1`, 'Host: localhost', `Content-Length: ${LARGE.length}`));
    expect([answer?.status, JSON.parse(answer?.body ?? '').error]).toEqual([status, error]);
    expect(fake.jobs).toHaveLength(0);
  });

  test.each(['HTTP/1.1', 'HTTP/1.0'])('is read by a client that sends everything first and wants no other answer on its connection: %s', async (version) => {
    for (const [start, status] of [['POST /nothing', 404], ['POST /v1/image', 413], ['POST /audio//x', 400], ['POST /healthz', 405]] as const) {
      const answer = await sendsThenReads(behind(`${start} ${version}`, 'Host: localhost', 'Connection: close', `Content-Length: ${LARGE.length}`));
      expect([answer?.status, answer?.headers['connection']]).toEqual([status, 'close']);
    }
    expect(fake.jobs).toHaveLength(0);
  });

  test('is read with too many headers before it as well', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `a${index}: b`);
    expect((await sendsThenReads(behind('POST /nothing HTTP/1.1', 'Host: localhost', ...many, `Content-Length: ${LARGE.length}`)))?.status).toBe(431);
  });

  test('is read although the client never stops sending, and then the connection ends', async () => {
    const client = await RawClient.open(broker.port);
    client.send(`POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
    const began = performance.now();
    const sending = setInterval(() => client.send('x'), 20);
    expect(await client.answer()).toMatchObject({ status: 404 });
    await client.closed;
    clearInterval(sending);
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test('is read although the client sends nothing more, and then the connection ends', async () => {
    const client = await RawClient.open(broker.port);
    client.send('POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe');
    expect(await client.answer()).toMatchObject({ status: 404 });
    await client.closed;
  });

  test('leaves the connection usable when the rest of the body comes in time', async () => {
    const client = await RawClient.open(broker.port);
    client.send('POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab');
    expect(await client.answer()).toMatchObject({ status: 404 });
    client.send('cdGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    client.reset();
  });

  test('asks for no body that it will not take', async () => {
    const client = await RawClient.open(broker.port);
    client.send('POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.head()).toMatchObject({ status: 404 });
    client.reset();
  });
});

describe('a request that expects something', () => {
  const head = (expectation: string): string => `POST /v1/image HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: ${expectation}\r\n\r\n`;

  test('is told to go on when it has passed every check', async () => {
    const client = await RawClient.open(broker.port);
    client.send(head('100-continue'));
    expect((await client.head())?.status).toBe(100);
    client.send('{}');
    expect((await client.answer())?.status).toBe(200);
    client.reset();
  });

  test('that nobody knows is a request like any other', async () => {
    const client = await RawClient.open(broker.port);
    client.send(`${head('banana')}{}`);
    expect((await client.answer())?.status).toBe(200);
    client.reset();
  });

  test('is waited for by a shutdown like any other', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.delay(held.promise);
      await exchange.json(200, { done: true });
    });
    const client = await RawClient.open(broker.port);
    client.send(`${head('100-continue')}{}`);
    await fake.waitFor(1);
    const stopped = broker.daemon.stop(5000);
    held.resolve();
    expect(await client.answer()).toMatchObject({ status: 200, body: '{"done":true}' });
    await stopped;
  });
});

describe('a refusal of what is no request', () => {
  test.each([
    ['headers without end', Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nX: '), LARGE]), 431],
    ['garbage without end', LARGE, 400],
    ['an upgrade with much behind it', behind('GET / HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: x'), 426],
    ['a tunnel with much in it', behind('CONNECT x:1 HTTP/1.1', 'Host: localhost'), 405],
  ])('is read by a client that sends everything first: %s', async (_name, bytes, status) => {
    expect(await sendsThenReads(bytes)).toMatchObject({ status, headers: { connection: 'close', 'content-type': 'application/json; charset=utf-8' } });
  });

  test('ends the connection of a client that never stops sending', async () => {
    const client = await RawClient.open(broker.port);
    client.send('garbage\r\n\r\n');
    const sending = setInterval(() => client.send('x'), 20);
    expect(await client.answer()).toMatchObject({ status: 400 });
    await client.closed;
    clearInterval(sending);
  });
});

describe('a client that is slow with its headers', () => {
  test('gets 408 and the end of its connection', async () => {
    const { access, limits } = configured({});
    const connections = new ConnectionLimits(() => limits, () => true);
    const server = createHttpServer(express(), { accessRules: () => new AccessRules(access), connections, logger: new FakeLogger() });
    expect(server).toMatchObject({ headersTimeout: 10_000, keepAliveTimeout: 65_000 });
    server.headersTimeout = 100;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
    const client = await RawClient.open(address.port);
    client.send('GET / HTTP/1.1\r\nHost: loc');
    const answer = await client.answer();
    expect([answer?.status, JSON.parse(answer?.body ?? '').error]).toEqual([408, 'request_timeout']);
    client.socket.end();
    await client.closed;
    await new Promise((resolve) => server.close(resolve));
  });
});
