import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Scope } from '../../lib/config/types.gen.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import { disguisePeers } from '../support/disguise.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { keyEntry } from '../support/keys.ts';
import { RawClient } from '../support/raw-client.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { ROUTES } from '../support/routes.ts';
import { until } from '../support/until.ts';

const INFER = 'infer-key-1';
const READ = 'read-key-1';
const ADMIN = 'admin-key-1';
const KEYS = [keyEntry('laptop', INFER, ['infer']), keyEntry('monitor', READ, ['read']), keyEntry('owner', ADMIN, ['infer', 'read', 'admin'])];
/** For all routes, on a busy machine. ms. */
const LIMIT_MS = 20_000;
const LAN = '127.0.3.1';
const TAILNET = '127.0.2.1';

let reveal: () => void;
beforeAll(() => {
  reveal = disguisePeers();
});
afterAll(() => reveal());

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(access: Settings = {}, settings: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
    fake.on(`${method} /*`, async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, { fake: true });
    }, { gpu: false });
  }
  broker = await startBroker({ consumers: { one: { fake, settings } }, settings: { audio_proxy: 'one', access: { allow: ['any'], keys: KEYS, ...access } } });
}

/** Asks from an address of this machine, with these header lines. */
async function ask(begin: string, { from = '127.0.0.1', lines = [] as readonly string[] } = {}): Promise<RawAnswer> {
  const client = await RawClient.open(broker.port, { localAddress: from });
  client.send([`${begin} HTTP/1.1`, 'Host: localhost', 'Connection: close', 'Content-Length: 0', ...lines, '', ''].join('\r\n'));
  const answer = await client.answer({ head: begin.startsWith('HEAD ') });
  client.socket.destroy();
  if (answer === null) throw new Error(`no answer to ${begin}`);
  return answer;
}

/** Asks for each route on connections that are kept as long as the broker keeps them. Returns the statuses. */
async function askAll(lines: readonly string[], from: string): Promise<number[]> {
  let client: RawClient | null = null;
  const statuses: number[] = [];
  for (const { start: begin } of ROUTES) {
    client ??= await RawClient.open(broker.port, { localAddress: from });
    client.send([`${begin} HTTP/1.1`, 'Host: localhost', 'Content-Length: 0', ...lines, '', ''].join('\r\n'));
    const answer: RawAnswer | null = await client.answer({ head: begin.startsWith('HEAD ') });
    statuses.push(answer?.status ?? 0);
    if (answer?.headers['connection'] !== 'close') continue;
    client.socket.destroy();
    client = null;
  }
  client?.socket.destroy();
  return statuses;
}

/** What came of each route: a refusal for want of rights, or anything else. */
const outcomes = (statuses: readonly number[]): string[] => ROUTES.map(({ start: begin }, index) => `${begin}: ${isRefusal(statuses[index]) ? statuses[index] : 'passed'}`);
const isRefusal = (status: number | undefined): boolean => status === 0 || status === 401 || status === 403;

const codeOf = ({ body }: RawAnswer): unknown => JSON.parse(body).error;
const bearer = (key: string): string[] => [`Authorization: Bearer ${key}`];

/** Who asks, how, and what he may do. */
interface Identity {
  readonly from: string;
  readonly lines: readonly string[];
  readonly may: readonly Scope[];
  /** Status of what he may not. */
  readonly refused: number;
}

const ALL: readonly Scope[] = ['infer', 'read', 'admin'];
const USE: readonly Scope[] = ['infer', 'read'];
const IDENTITIES: readonly (readonly [string, Identity])[] = [
  ['a program on the machine itself', { from: '127.0.0.1', lines: [], may: ALL, refused: 0 }],
  ['that program with a key for its consumer', { from: '127.0.0.1', lines: bearer('sk-other'), may: ALL, refused: 0 }],
  ['our own page in a browser there', { from: '127.0.0.1', lines: ['Origin: http://localhost', 'Sec-Fetch-Site: same-origin'], may: USE, refused: 401 }],
  ['a browser there that sends a referer only', { from: '127.0.0.1', lines: ['Referer: http://localhost/comfyui/'], may: USE, refused: 401 }],
  ['our own page with the admin key', { from: '127.0.0.1', lines: ['Origin: http://localhost', ...bearer(ADMIN)], may: ALL, refused: 0 }],
  ['somebody behind a proxy there', { from: '127.0.0.1', lines: ['X-Forwarded-For: 127.0.0.1'], may: [], refused: 401 }],
  ['a tailnet peer', { from: TAILNET, lines: [], may: USE, refused: 401 }],
  ['a tailnet peer that claims to be the owner', { from: TAILNET, lines: ['Tailscale-User-Login: owner@x'], may: [], refused: 401 }],
  ['a tailnet peer with the infer key', { from: TAILNET, lines: bearer(INFER), may: USE, refused: 403 }],
  ['a LAN device', { from: LAN, lines: [], may: [], refused: 401 }],
  ['a LAN device with the infer key', { from: LAN, lines: bearer(INFER), may: ['infer'], refused: 403 }],
  ['a LAN device with the read key', { from: LAN, lines: [`x-api-key: ${READ}`], may: ['read'], refused: 403 }],
  ['a LAN device with the admin key', { from: LAN, lines: [`X-API-Key: ${ADMIN}`], may: ALL, refused: 0 }],
  ['a LAN device with the infer key and one for its consumer', { from: LAN, lines: [`x-api-key: ${INFER}`, ...bearer('sk-other')], may: ['infer'], refused: 403 }],
  ['a LAN device with both its keys', { from: LAN, lines: [`x-api-key: ${INFER}`, ...bearer(READ)], may: USE, refused: 403 }],
];

describe('each route, by who asks:', () => {
  test.each(IDENTITIES)('%s', async (_who, { from, lines, may, refused }) => {
    await start();
    const wanted = ROUTES.map(({ start: begin, scope }) => `${begin}: ${scope === null || may.includes(scope) ? 'passed' : refused}`);
    expect(outcomes(await askAll(lines, from))).toEqual(wanted);
  }, LIMIT_MS);

  test('a LAN device with a wrong key', async () => {
    await start();
    for (const [index, { start: begin, scope }] of ROUTES.entries()) {
      const { status } = await ask(begin, { from: `127.0.3.${index + 1}`, lines: bearer('wrong') });
      if (scope === null) expect(status).not.toBe(401);
      else expect([begin, status]).toEqual([begin, 401]);
    }
  }, LIMIT_MS);

  test('a LAN device, as long as there are no keys', async () => {
    await start({ keys: [] });
    const wanted = ROUTES.map(({ start: begin, scope }) => `${begin}: ${scope === 'admin' ? 403 : 'passed'}`);
    expect(outcomes(await askAll(bearer('sk-other'), LAN))).toEqual(wanted);
  }, LIMIT_MS);
});

describe('a refusal', () => {
  beforeEach(() => start({}, { listen: '127.0.0.1:0' }));

  test('for want of a key says which scope is needed and how a key is sent', async () => {
    const answer = await ask('GET /v1/status', { from: LAN });
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="mgpumanager"');
    expect(JSON.parse(answer.body)).toEqual({ error: 'unauthorized', message: expect.stringMatching(/scope read.*Authorization: Bearer KEY/), retryable: false });
  });

  test('of a key that lacks the scope names it, and asks for no other', async () => {
    const answer = await ask('POST /v1/pause', { from: LAN, lines: bearer(INFER) });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([403, undefined]);
    expect(JSON.parse(answer.body)).toEqual({ error: 'forbidden', message: expect.stringMatching(/laptop.*scope admin/), retryable: false });
  });

  test.each([
    ['POST /v1/chat/completions', { error: { message: expect.any(String), type: 'authentication_error', param: null, code: 'unauthorized', retryable: false, request_id: expect.any(String) } }],
    ['POST /v1/messages', { type: 'error', error: { type: 'authentication_error', message: expect.any(String), details: { error_code: 'unauthorized' }, code: 'unauthorized', retryable: false }, request_id: expect.any(String) }],
    ['POST /ollama/api/chat', { error: expect.stringContaining('scope infer'), code: 'unauthorized', retryable: false }],
  ])('is said in the tongue of its path: %s', async (begin, body) => {
    const answer = await ask(begin, { from: LAN });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([401, body]);
    expect(answer.headers['www-authenticate']).toBeDefined();
  });

  test('of an upgrade comes before it', async () => {
    const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
    expect((await ask('GET /upstream/one/ws', { from: LAN, lines: upgrade })).status).toBe(401);
    expect(fake.requests.filter(({ path }) => path === '/ws')).toEqual([]);
  });

  test('at a port of a consumer\'s own is the same', async () => {
    const listen = broker.daemon.registry.current('one')?.config.listen;
    expect(listen).toBeDefined();
    const listed = JSON.parse((await ask('GET /v1/status')).body).consumers[0].listen;
    const client = await RawClient.open(Number(String(listed).split(':')[1]), { localAddress: LAN });
    client.send('DELETE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await client.answer())?.status).toBe(401);
    client.socket.destroy();
  });
});

describe('wrong keys', () => {
  const wrong = (from = LAN) => ask('GET /v1/status', { from, lines: bearer('wrong') });

  test('of one address are looked at ten times in a minute; then not even a right one is', async () => {
    await start();
    for (let round = 0; round < 10; round += 1) expect((await wrong()).status).toBe(401);
    for (const key of ['wrong', ADMIN]) {
      const answer = await ask('GET /v1/status', { from: LAN, lines: bearer(key) });
      expect([answer.status, codeOf(answer)]).toEqual([429, 'too_many_attempts']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(50);
      expect(answer.headers['www-authenticate']).toBeUndefined();
    }
    expect((await ask('GET /v1/status', { from: '127.0.3.2', lines: bearer(ADMIN) })).status).toBe(200);
    expect((await ask('GET /v1/status', { from: LAN })).status).toBe(401);
    expect((await ask('GET /healthz', { from: LAN, lines: bearer('wrong') })).status).toBe(200);
    expect(broker.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual(['too many wrong keys; this peer has to wait']);
  });

  test('of one IPv6 network count together', async () => {
    await start();
    for (let host = 1; host <= 10; host += 1) expect((await wrong(`127.0.4.${host}`)).status).toBe(401);
    expect((await wrong('127.0.4.99')).status).toBe(429);
  });

  test('take nobody what he may without one', async () => {
    await start();
    for (let round = 0; round < 12; round += 1) await ask('POST /v1/pause', { from: TAILNET, lines: bearer('wrong') });
    expect((await ask('POST /v1/pause', { from: TAILNET, lines: bearer('wrong') })).status).toBe(429);
    expect((await ask('POST /v1/llm', { from: TAILNET, lines: bearer('wrong') })).status).toBe(200);
  });
});

describe('a key', () => {
  test('is named in the log, and nobody else is', async () => {
    await start();
    await ask('POST /v1/llm', { from: LAN, lines: bearer(INFER) });
    await ask('POST /v1/llm', { from: TAILNET, lines: bearer('sk-other') });
    const named = () => broker.logger.lines.filter(({ message }) => message === 'exchange').map(({ fields }) => [fields?.['peer'], fields?.['key']]);
    await until(() => named().length === 2);
    expect(named()).toEqual([['192.168.3.1', 'laptop'], ['100.100.2.1', undefined]]);
  });

  test('goes with a reload, for open connections too', async () => {
    await start();
    const client = await RawClient.open(broker.port, { localAddress: LAN });
    const round = async (): Promise<number | undefined> => {
      client.send(`GET /v1/status HTTP/1.1\r\nHost: localhost\r\n${bearer(READ)[0]}\r\n\r\n`);
      return (await client.answer())?.status;
    };
    expect(await round()).toBe(200);
    broker.reload({ consumers: { one: { fake } }, settings: { access: { allow: ['any'], keys: KEYS.slice(2) } } });
    expect(await round()).toBe(401);
    client.socket.destroy();
  });

  test('goes with a reload, for streams that are open too; one that changes nothing of this cuts nobody', async () => {
    await start();
    const client = await RawClient.open(broker.port, { localAddress: LAN });
    client.send(`GET /v1/events?types=config HTTP/1.1\r\nHost: localhost\r\n${bearer(READ)[0]}\r\n\r\n`);
    expect((await client.head())?.status).toBe(200);
    const same = { allow: ['any'], keys: KEYS };
    broker.reload({ consumers: { one: { fake } }, settings: { audio_proxy: 'one', access: same } });
    let text = '';
    while (!text.includes('event: config')) text += String(await client.read(1 << 16));
    broker.reload({ consumers: { one: { fake } }, settings: { access: { ...same, keys: KEYS.slice(2) } } });
    await client.closed;
    expect(broker.daemon.connections).toBe(0);
  });

  test('does not open what the address or the origin closes', async () => {
    await start({ allow: ['loopback'] });
    expect((await ask('GET /v1/status', { from: LAN, lines: bearer(ADMIN) })).status).toBe(403);
    expect((await ask('POST /v1/llm', { lines: ['Origin: http://evil.example', ...bearer(ADMIN)] })).status).toBe(403);
  });

  test('is not asked for by a preflight of a listed origin, and that page may read the refusal', async () => {
    await start({ origins: ['http://page:1'] });
    const origin = 'Origin: http://page:1';
    expect((await ask('OPTIONS /v1/llm', { from: LAN, lines: [origin, 'Access-Control-Request-Method: POST'] })).status).toBe(204);
    const refused = await ask('POST /v1/llm', { from: LAN, lines: [origin] });
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, 'http://page:1']);
  });
});

test('a program that uses Node\'s own fetch is no browser', async () => {
  await start();
  expect((await fetch(`${broker.url}/v1/resume`, { method: 'POST' })).status).toBe(200);
});

describe('a lease by hand', () => {
  test('is given back by its holder with the infer key; without its token that takes admin', async () => {
    await start();
    const client = await RawClient.open(broker.port, { localAddress: LAN });
    const send = async (begin: string, body: string, ...lines: readonly string[]): Promise<RawAnswer | null> => {
      client.send([`${begin} HTTP/1.1`, 'Host: localhost', ...bearer(INFER), `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n'));
      return client.answer();
    };
    const taken = JSON.parse((await send('POST /v1/leases', '{"consumer":"one"}'))?.body ?? '');
    expect((await send(`DELETE /v1/leases/${taken.id}`, ''))?.status).toBe(403);
    expect((await send(`DELETE /v1/leases/${taken.id}`, '', `X-GPU-Lease: ${taken.token}`))?.status).toBe(200);
    client.socket.destroy();
  });
});
