import { connect } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { itemsOf, memberOf, textOf } from '../../lib/config/tree.ts';
import type { LogLevel } from '../../lib/core/log-lines.ts';
import { lineText } from '../../lib/core/log-lines.ts';
import { LogLines } from '../../lib/events/log-lines.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import type { OpenRequest } from '../support/http.ts';
import { until } from '../support/until.ts';

let broker: Broker;
let lines: LogLines;
let fake: FakeConsumer;
beforeEach(async () => {
  lines = new LogLines();
  fake = await simpleConsumer();
  broker = await startBroker({ consumers: { one: { fake } }, logLines: lines });
});
afterEach(() => broker.stop());

const note = (message: string, level: LogLevel = 'info', fields: Record<string, unknown> = {}): void => lines.note(level, lineText({ timestamp: '2026-11-21T12:00:00Z', level, message, ...fields }));
const get = async (query: string): Promise<{ readonly status: number; readonly body: unknown }> => {
  const answer = await request({ url: `${broker.url}/v1/logs${query}` });
  return { status: answer.status, body: JSON.parse(answer.body) };
};
const messages = async (query: string) => itemsOf(memberOf((await get(query)).body, 'lines')).map((line) => textOf(line, 'message'));

/** A stream that is read as it comes. */
interface Reading {
  readonly open: OpenRequest;
  readonly answer: IncomingMessage;
  text: string;
}

async function follow(query = '', headers: Record<string, string> = {}): Promise<Reading> {
  const open = openRequest({ url: `${broker.url}/v1/logs?follow=1${query}`, headers });
  const answer = await open.response;
  const reading: Reading = { open, answer, text: '' };
  answer.setEncoding('utf8').on('data', (text: string) => (reading.text += text));
  return reading;
}

describe('the newest lines', () => {
  test('are told as they were written, the oldest first', async () => {
    note('one', 'warn', { consumer: 'a' });
    note('two');
    const { status, body } = await get('');
    expect(status).toBe(200);
    expect(body).toEqual({
      schema_version: 1,
      boot: lines.boot,
      lines: [
        { id: 1, time: '2026-11-21T12:00:00Z', level: 'warn', message: 'one', fields: { consumer: 'a' } },
        { id: 2, time: '2026-11-21T12:00:00Z', level: 'info', message: 'two', fields: {} },
      ],
    });
  });

  test('are those that were asked for', async () => {
    note('one', 'error');
    note('two', 'debug');
    note('three', 'warn', { path: '/v1/LLM' });
    expect(await messages('?level=warn')).toEqual(['one', 'three']);
    expect(await messages('?grep=v1/llm')).toEqual(['three']);
    expect(await messages('?n=1')).toEqual(['three']);
    expect(await messages('?n=0')).toEqual([]);
  });

  test('are the last 2000', async () => {
    for (let index = 1; index <= 2500; index += 1) note(`line ${index}`);
    const all = await messages('?n=2000');
    expect([all.length, all[0], all.at(-1)]).toEqual([2000, 'line 501', 'line 2500']);
  });

  test('are refused where the question makes no sense', async () => {
    expect(await get('?n=many')).toEqual({ status: 400, body: { error: 'bad_request', message: 'expected a number from 0 to 2000 for n', retryable: false } });
  });
});

describe('a stream of lines', () => {
  test('begins with the last ones, goes on with each new one, and has no others', async () => {
    note('before', 'warn');
    note('before it', 'info');
    const reading = await follow('&level=warn');
    expect(reading.answer.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    await until(() => lines.followers === 1);
    note('not wanted', 'info');
    note('after', 'error');
    await until(() => reading.text.includes('after'));
    expect([...reading.text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id)).toEqual([`${lines.boot}-1`, `${lines.boot}-4`]);
    reading.open.abort();
    await until(() => lines.followers === 0);
  });

  test('goes on after the line that its reader has seen', async () => {
    for (const message of ['one', 'two', 'three']) note(message);
    const reading = await follow('', { 'last-event-id': `${lines.boot}-2` });
    await until(() => reading.text.includes('three'));
    expect(reading.text).not.toContain('two');
    reading.open.abort();
    const anew = await follow('', { 'last-event-id': 'another-run-2' });
    await until(() => anew.text.includes('one'));
    anew.open.abort();
  });

  test('answers HEAD without one', async () => {
    const answer = await request({ url: `${broker.url}/v1/logs?follow=1`, method: 'HEAD' });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(lines.followers).toBe(0);
  });

  test('of a reader that does not read is cut, and holds no memory', async () => {
    const socket = connect(broker.port, '127.0.0.1');
    // Without a reader the bytes stay with the broker once the kernel is full.
    socket.pause();
    socket.on('error', () => undefined);
    socket.write('GET /v1/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => lines.followers === 1);
    const text = 'x'.repeat(2000);
    await until(() => {
      for (let index = 0; index < 200; index += 1) note(text);
      return lines.followers === 0;
    });
    socket.destroy();
  });

  test('is for 16 at a time', async () => {
    const readings = await Promise.all(Array.from({ length: 16 }, () => follow()));
    await until(() => lines.followers === 16);
    expect((await get('?follow=1')).body).toMatchObject({ error: 'overloaded', retryable: true });
    for (const { open } of readings) open.abort();
    await until(() => lines.followers === 0);
  });

  test('ends when who may read it changes: whoever comes back has to show his right to', async () => {
    const reading = await follow();
    await until(() => lines.followers === 1);
    broker.reload({ consumers: { one: { fake } }, settings: { access: { allow: ['loopback', '10.0.0.0/8'] } } });
    await until(() => reading.answer.complete);
    expect(lines.followers).toBe(0);
    expect((await get('')).status).toBe(200);
  });

  test('does not hold up a shutdown', async () => {
    const reading = await follow();
    await until(() => lines.followers === 1);
    const startedAt = performance.now();
    await broker.daemon.stop(60_000);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await until(() => reading.answer.complete);
    expect(reading.text).toContain('event: bye');
  });
});
