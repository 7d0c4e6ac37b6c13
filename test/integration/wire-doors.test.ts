import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import type { FakeConsumer, FakeExchange } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { rawAnswers } from '../support/raw-answer.ts';
import type { WireAnswer } from '../support/raw-answer.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

/** A way in. `start`: method and path of a request that it serves. */
interface Door {
  readonly name: string;
  readonly start: string;
  readonly isOwnPort?: boolean;
}

/** To the consumer, as soon as a head is in. */
const STREAMING: readonly Door[] = [
  { name: 'audio', start: 'GET /audio/a' },
  { name: 'native', start: 'POST /upstream/one/free' },
  { name: 'own port', start: 'POST /free', isOwnPort: true },
];
/** To the consumer, once the body is in. */
const GATED: readonly Door[] = [
  { name: 'facade', start: 'POST /v1/tts' },
  { name: 'gated native', start: 'POST /upstream/one/work' },
  { name: 'gated own port', start: 'POST /work', isOwnPort: true },
];
const OWN: readonly Door[] = [
  { name: 'status', start: 'GET /v1/status' },
  { name: 'model', start: 'POST /v1/chat/completions' },
  { name: 'by hand', start: 'POST /v1/consumers/one/unload' },
];
const DOORS = [...STREAMING, ...GATED, ...OWN];

let broker: Broker;
let fake: FakeConsumer;
let ownPort: number;
beforeAll(async () => {
  fake = await simpleConsumer();
  for (const route of ['GET /audio/*', 'POST /free']) fake.on(route, answerWhole, { gpu: false });
  broker = await startBroker({ consumers: { one: { fake, settings: { listen: '127.0.0.1:0', gpu_paths: ['POST /work'] } } }, settings: { audio_proxy: 'one' } });
  const { consumers }: { consumers: readonly { listen: string }[] } = JSON.parse((await request({ url: `${broker.url}/v1/status` })).body);
  ownPort = Number(new URL(`http://${consumers[0]?.listen}`).port);
});
afterEach(() => {
  whole.length = 0;
  expect(fake.errors).toEqual([]);
});
afterAll(() => broker.stop());

/** Requests that came to the consumer with the end of their bodies. */
const whole: string[] = [];
async function answerWhole(exchange: FakeExchange): Promise<void> {
  const body = await exchange.readBody();
  whole.push(exchange.head.path);
  await exchange.send(200, body);
}

const portOf = ({ isOwnPort = false }: Door): number => (isOwnPort ? ownPort : broker.port);
/** What is never served, as what came before it on its connection was refused. */
const BEHIND = ['POST /upstream/one/behind', 'GET /audio/behind', 'POST /behind'].map((start) => `${start} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`).join('');
const HOST = 'Host: localhost';
const X20K = 'x'.repeat(20_000);

const headOf = (start: string, lines: readonly string[], version = 'HTTP/1.1'): string => `${start} ${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
/** Everything the consumer has been asked since `from` beside its health. */
const seenSince = (from: number) => fake.requests.slice(from).filter(({ path }) => path !== '/health');

/** That there is one answer, ours, and the last of its connection, which is closed by now. */
function expectLast(answers: readonly WireAnswer[], status: number): void {
  expect(answers.map((each) => each.status)).toEqual([status]);
  const [{ headers, body } = { headers: {}, body: '' }] = answers;
  expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', connection: 'close' });
  // In OpenAI's form the error is an object.
  const { error }: { error: string | { readonly code: string } } = JSON.parse(body);
  expect(typeof error === 'string' ? error : error.code).toMatch(/^[a-z_]+$/);
}

/** A head with something odd in it, at a door. */
type Make = (start: string) => string;
const withLines = (...lines: readonly string[]): Make => (start) => `${headOf(start, [HOST, ...lines])}{}`;
const withHosts = (...lines: readonly string[]): Make => (start) => `${headOf(start, [...lines, 'Content-Length: 2'])}{}`;
const withTarget = (target: string): Make => (start) => `${headOf(`${start.split(' ')[0]} ${target}`, [HOST, 'Content-Length: 2'])}{}`;
const withPath = (segment: string): Make => (start) => `${headOf(start + segment, [HOST, 'Content-Length: 2'])}{}`;
const asIs = (text: string): Make => () => text;

const HEADS: Readonly<Record<number, Readonly<Record<string, Make>>>> = {
  400: {
    'a length and chunks': withLines('Content-Length: 4', 'Transfer-Encoding: chunked'),
    'chunks and a length': withLines('Transfer-Encoding: chunked', 'Content-Length: 4'),
    'one length twice': withLines('Content-Length: 2', 'Content-Length: 2'),
    'two lengths': withLines('Content-Length: 2', 'Content-Length: 3'),
    'a list of lengths': withLines('Content-Length: 2, 2'),
    'a length with a comma': withLines('Content-Length: 2,'),
    'a length with a sign': withLines('Content-Length: +2'),
    'a negative length': withLines('Content-Length: -2'),
    'a length with a space in it': withLines('Content-Length: 2 2'),
    'a length in hexadecimal': withLines('Content-Length: 0x2'),
    'a length that may be octal': withLines('Content-Length: 010'),
    'a broken length': withLines('Content-Length: 2.0'),
    'an empty length': withLines('Content-Length:'),
    'a length beyond 64 bits': withLines('Content-Length: 18446744073709551618'),
    'chunked twice': withLines('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    'chunked twice in a list': withLines('Transfer-Encoding: chunked, chunked'),
    'chunked behind another coding': withLines('Transfer-Encoding: gzip, chunked'),
    'chunked behind another coding in two lines': withLines('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'),
    'chunked behind nothing': withLines('Transfer-Encoding: ,chunked'),
    'chunked with a parameter': withLines('Transfer-Encoding: chunked;q=1'),
    'chunked in quotes': withLines('Transfer-Encoding: "chunked"'),
    'an unknown coding': withLines('Transfer-Encoding: xchunked'),
    'no coding': withLines('Transfer-Encoding: identity'),
    'an empty coding': withLines('Transfer-Encoding:'),
    'chunks of HTTP/1.0': (start) => headOf(start, [HOST, 'Connection: keep-alive', 'Transfer-Encoding: chunked'], 'HTTP/1.0'),
    'a folded header': withLines('X: y', ' z', 'Content-Length: 2'),
    'a header folded by a tab': withLines('X: y', '\tz', 'Content-Length: 2'),
    'a fold before any header': (start) => headOf(start, [' X: y', HOST]),
    'a folded coding': withLines('Transfer-Encoding:', ' chunked'),
    'LF alone everywhere': (start) => `${start} HTTP/1.1\n${HOST}\n\n`,
    'LF alone behind the request line': (start) => `${start} HTTP/1.1\n${HOST}\r\n\r\n`,
    'LF alone behind a header': withLines('X: y\nContent-Length: 2'),
    'LF alone at the end of the head': (start) => `${start} HTTP/1.1\r\n${HOST}\r\n\n`,
    'CR alone everywhere': (start) => `${start} HTTP/1.1\r${HOST}\r\r`,
    'CR alone in a value': withLines('X: y\rContent-Length: 2'),
    'CR alone in the request line': (start) => headOf(`${start}\rX`, [HOST]),
    'a CR more': (start) => `${start} HTTP/1.1\r\r\n${HOST}\r\n\r\n`,
    'NUL in a name': withLines('X\0Y: z'),
    'NUL in a value': withLines('X: y\0z'),
    'NUL in the target': (start) => headOf(`${start}\0`, [HOST]),
    'a space before the colon': withLines('Content-Length : 2'),
    'a tab before the colon': withLines('Transfer-Encoding\t: chunked'),
    'a header without a colon': withLines('X'),
    'a header without a name': withLines(': y'),
    'a byte beyond ASCII': withLines('X: \xe4'),
    'no Host': withHosts(),
    'the same Host twice': withHosts(HOST, HOST),
    'another Host too': withHosts(HOST, 'Host: evil.example'),
    'a folded Host': withHosts('Host:', ' localhost'),
    'an absolute target': withTarget('http://localhost/healthz'),
    'an absolute target elsewhere': withTarget('https://evil.example/v1/tts'),
    'an authority for a target': withTarget('localhost:80'),
    'an asterisk for a target': withTarget('*'),
    'no target': withTarget(''),
    'a dot segment': withPath('/../x'),
    'an encoded dot segment': withPath('/%2e%2e/x'),
    'an encoded slash behind a dot segment': withPath('/..%2fx'),
    'an encoded backslash': withPath('/..%5cx'),
    'a dot segment before a semicolon': withPath('/..;/x'),
    'a dot segment before an encoded semicolon': withPath('/..%3bx/x'),
    'a dot segment encoded twice': withPath('/%252e%252e/x'),
    'a dot segment in overlong UTF-8': withPath('/%c0%ae%c0%ae/x'),
    'an empty segment': withPath('//x'),
    'an encoded NUL': withPath('/%00'),
    'HTTP/0.9': (start) => `${start}\r\n\r\n`,
    'HTTP/0.9 by its number': (start) => headOf(start, [HOST], 'HTTP/0.9'),
    'HTTP/1.2': (start) => headOf(start, [HOST], 'HTTP/1.2'),
    'HTTP/2': (start) => headOf(start, [HOST], 'HTTP/2.0'),
    'the preface of HTTP/2': asIs('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    'a greeting of TLS': asIs(`\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'a'.repeat(100)}`),
    'a method of 20 KiB': (start) => headOf(`${X20K.toUpperCase()} ${start.split(' ')[1]}`, [HOST]),
  },
  405: {
    'CONNECT': asIs(headOf('CONNECT localhost:80', [HOST])),
    'CONNECT with a path': (start) => headOf(start.replace(/^\w+/, 'CONNECT'), [HOST]),
  },
  421: {
    'an empty Host': withHosts('Host:'),
    'a Host with a user': withHosts('Host: a@localhost'),
    'a list of Hosts': withHosts('Host: localhost,localhost'),
    'a Host with a space': withHosts('Host: local host'),
    'a Host with letters for a port': withHosts('Host: localhost:x'),
    'a Host with a port beyond all': withHosts('Host: localhost:65536'),
    'a Host that is no address': withHosts('Host: 127.0.0.256'),
    'a foreign Host': withHosts('Host: evil.example'),
  },
  431: {
    'a header of 20 KiB': withLines(`X: ${X20K}`),
    'a name of 20 KiB': withLines(`${X20K}: y`),
    'a path of 20 KiB': withPath(`/${X20K}`),
    'a query of 20 KiB': withPath(`?${X20K}`),
    '101 headers': withLines(...Array.from({ length: 100 }, (_, index) => `a${index}: b`)),
  },
};

describe.each(Object.keys(HEADS).map(Number))('at every door %i and the end of the connection, and nothing at the consumer, for', (status) => {
  test.each(Object.entries(HEADS[status] ?? {}))('%s', async (_name, make) => {
    const from = fake.requests.length;
    for (const door of DOORS) {
      const answers = await rawAnswers(portOf(door), Buffer.from(make(door.start) + BEHIND, 'latin1'));
      expectLast(answers, status);
    }
    expect(seenSince(from)).toEqual([]);
  });
});

/** Bodies in chunks that servers may read in different ways. */
const BODIES: Readonly<Record<string, string>> = {
  'a size with a plus': '+2\r\n{}\r\n0\r\n\r\n',
  'a size with a minus': '-2\r\n{}\r\n0\r\n\r\n',
  'a size with 0x': '0x2\r\n{}\r\n0\r\n\r\n',
  'a size beyond 64 bits': '10000000000000002\r\n{}\r\n0\r\n\r\n',
  'no size': '\r\n{}\r\n0\r\n\r\n',
  'a space before the size': ' 2\r\n{}\r\n0\r\n\r\n',
  'a space behind the size': '2 \r\n{}\r\n0\r\n\r\n',
  'LF alone behind the size': '2\n{}\r\n0\r\n\r\n',
  'CR alone behind the size': '2\r{}\r\n0\r\n\r\n',
  'nothing behind the data': '2\r\n{}0\r\n\r\n',
  'LF alone behind the data': '2\r\n{}\n0\r\n\r\n',
  'more data than its size': '2\r\n{}x\r\n0\r\n\r\n',
  'LF alone at the end': '2\r\n{}\r\n0\r\n\n',
  'LF alone in an extension': '2;a\n{}\r\n0\r\n\r\n',
  'CR alone in an extension': '2;a\rb\r\n{}\r\n0\r\n\r\n',
  'NUL in an extension': '2;a\0b\r\n{}\r\n0\r\n\r\n',
  'an open quote in an extension': '2;a="\r\n{}\r\n0\r\n\r\n',
  'an extension of 20 KiB': `2;a=${X20K}\r\n{}\r\n0\r\n\r\n`,
  'an extension of 20 KiB at the end': `2\r\n{}\r\n0;a=${X20K}\r\n\r\n`,
  'a trailer that is none': '2\r\n{}\r\n0\r\nx\r\n\r\n',
  'a folded trailer': '2\r\n{}\r\n0\r\nX: y\r\n z\r\n\r\n',
  'a length for a trailer': '2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n',
};

describe('at every door 400 and the end of the connection, and no whole request at the consumer, for', () => {
  test.each(Object.entries(BODIES))('chunks with %s', async (_name, body) => {
    for (const door of [...STREAMING, ...GATED]) {
      const from = fake.requests.length;
      const bytes = headOf(door.start, [HOST, 'Transfer-Encoding: chunked']) + body + BEHIND;
      expectLast(await rawAnswers(portOf(door), Buffer.from(bytes, 'latin1')), 400);
      if (GATED.includes(door)) expect(seenSince(from)).toEqual([]);
      // What streams may have begun, and then broke off.
      await until(() => seenSince(from).every(({ endedAt }) => endedAt !== undefined));
    }
    expect(whole).toEqual([]);
  });
});

describe('what is odd, but can be read in one way only', () => {
  test.each<[string, Make]>([
    ['an empty line before it', (start) => `\r\n${headOf(start, [HOST, 'Content-Length: 2'])}{}`],
    ['more spaces in the request line', (start) => `${headOf(start.replace(' ', '  '), [HOST, 'Content-Length: 2'])}{}`],
    ['small chunk extensions', (start) => `${headOf(start, [HOST, 'Transfer-Encoding: chunked'])}1;a=b\r\n{\r\n01;c\r\n}\r\n0;d="e"\r\n\r\n`],
    ['trailers', (start) => `${headOf(start, [HOST, 'Transfer-Encoding: CHUNKED'])}2\r\n{}\r\n0\r\nX: y\r\n\r\n`],
    ['an expectation that nobody knows', (start) => `${headOf(start, [HOST, 'Expect: tea', 'Content-Length: 2'])}{}`],
  ])('reaches the consumer in plain words: %s', async (_name, make) => {
    for (const door of [...STREAMING, ...GATED]) {
      const from = fake.requests.length;
      const last = headOf(door.start, [HOST, 'Content-Length: 0', 'Connection: close']);
      expect((await rawAnswers(portOf(door), make(door.start) + last)).map((each) => each.status)).toEqual([200, 200]);
      const [seen, ...more] = seenSince(from);
      expect(more).toHaveLength(1);
      expect(seen?.body?.toString()).toBe('{}');
      expect(seen?.raw).toMatch(/^(GET|POST) \/[a-z/]+ HTTP\/1\.1\r\n(?:[a-z-]+: [^\r\n]*\r\n)+\r\n$/i);
      expect(seen?.raw).not.toMatch(/expect|trailer|;/i);
    }
  });
});

describe('TRACE, which would show what others have added,', () => {
  test('gets 405 at every door', async () => {
    const from = fake.requests.length;
    for (const door of DOORS) {
      const [answer, ...more] = await rawAnswers(portOf(door), headOf(door.start.replace(/^\w+/, 'TRACE'), [HOST, 'Cookie: secret=1', 'Connection: close']));
      expect([answer?.status, more]).toEqual([405, []]);
      expect(answer?.body).not.toContain('secret');
    }
    expect(seenSince(from)).toEqual([]);
  });
});

describe('a connection on which something has been answered', () => {
  test.each([
    ['garbage', 400, 'garbage\r\n\r\n'],
    ['headers of 20 KiB', 431, headOf('GET /healthz', [HOST, `X: ${X20K}`])],
    ['a greeting of TLS', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('gets the same words for %s', async (_name, status, text) => {
    const client = await RawClient.open(broker.port);
    client.send(headOf('GET /healthz', [HOST]));
    expect((await client.answer())?.status).toBe(200);
    client.send(text);
    const answer = await client.answer();
    expect([answer?.status, answer?.headers['connection'], JSON.parse(answer?.body ?? '').retryable]).toEqual([status, 'close', false]);
    client.socket.end();
    await client.closed;
  });

  test('is cut, and gets no other words, when an answer has begun', async () => {
    const held = Promise.withResolvers<void>();
    fake.on('GET /audio/stream', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('first');
      await exchange.delay(held.promise);
    });
    const client = await RawClient.open(broker.port);
    client.send(headOf('GET /audio/stream', [HOST]));
    expect((await client.head())?.status).toBe(200);
    expect((await client.read(100)).toString()).toContain('first');
    client.send('garbage\r\n\r\n');
    expect(await client.rest()).toBe('');
    held.resolve();
  });
});
