import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { parseConfig } from '../../lib/config/load.ts';
import { formatProblem } from '../../lib/config/problem.ts';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { runCli } from '../support/cli.ts';
import { disguisePeers } from '../support/disguise.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { keyEntry } from '../support/keys.ts';
import { RawClient } from '../support/raw-client.ts';

/** Stands for every key of ours; no consumer, no log and no answer may ever have it. */
const CANARY = 'CANARY-key-5b1e';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
/** How a key may be sent; each is one of ours wherever it stands. */
const WAYS: readonly (readonly string[])[] = [
  [`Authorization: Bearer ${CANARY}`],
  [`Authorization: bearer  ${CANARY} `],
  [`x-api-key: ${CANARY}`],
  [`X_API_KEY: ${CANARY}`],
  [`x-api-key: sk-other`, `x-api-key: ${CANARY}`],
  [`Authorization: Bearer ${CANARY}`, `x-api-key: ${CANARY}`],
  [`Authorization: Bearer sk-other`, `x-api-key: ${CANARY}`, 'Connection: close, X-Api-Key'],
];
const STARTS = ['POST /v1/llm', 'POST /v1/chat/completions', 'GET /audio/a.wav', 'GET /upstream/one/x', 'DELETE /upstream/one/x', 'POST /upstream/one/work', 'GET /v1/status', 'POST /v1/consumers/one/unload', 'GET /nothing', 'GET /../x'];

let reveal: () => void;
beforeAll(() => {
  reveal = disguisePeers();
});
afterAll(() => reveal());

let broker: Broker;
let fake: FakeConsumer;
/** What we answered. */
const said: string[] = [];

beforeEach(async () => {
  said.length = 0;
  fake = await simpleConsumer();
  for (const method of ['GET', 'POST', 'DELETE']) {
    fake.on(`${method} /*`, async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, { seen: exchange.head.headers });
    }, { gpu: false });
  }
  const settings = { gpu_paths: ['POST /work', 'POST /v1/chat/completions'], unload: { path: '/unload' } };
  const access = { allow: ['any'], keys: [keyEntry('owner', CANARY, ['infer', 'read', 'admin']), keyEntry('guest', `${CANARY}-guest`, ['read'])] };
  broker = await startBroker({ consumers: { one: { fake, settings } }, settings: { audio_proxy: 'one', access } });
});
afterEach(() => broker.stop());

async function ask(begin: string, lines: readonly string[], from: string): Promise<number | undefined> {
  const client = await RawClient.open(broker.port, { localAddress: from });
  client.send([`${begin} HTTP/1.1`, 'Host: localhost', 'Content-Length: 0', ...lines, '', ''].join('\r\n'));
  const answer = await client.answer();
  client.socket.destroy();
  said.push(JSON.stringify(answer));
  return answer?.status;
}

function expectNoLeak(): void {
  const lines = broker.logger.lines.map((line) => JSON.stringify(line));
  const seen = fake.requests.map((request) => JSON.stringify(request));
  expect([lines.length, seen.length].every((length) => length > 5)).toBe(true);
  expect([...lines, ...seen, ...said].filter((text) => text.includes(CANARY))).toEqual([]);
}

test.each(['127.0.0.1', '127.0.2.1', '127.0.3.1'])('a key of ours is seen by no consumer and stands in no line and no answer, from %s', async (from) => {
  for (const way of WAYS) {
    for (const begin of STARTS) expect([begin, way, await ask(begin, way, from)]).not.toEqual([begin, way, 401]);
    await ask('GET /upstream/one/ws', [...way.filter((line) => !line.startsWith('Connection')), ...UPGRADE], from);
  }
  expectNoLeak();
});

test('a consumer\'s own key goes on beside it', async () => {
  await ask('GET /upstream/one/beside', ['Authorization: Bearer sk-other', `x-api-key: ${CANARY}`], '127.0.3.1');
  const { headers } = await fake.waitFor(({ path }) => path === '/beside');
  expect([headers['authorization'], headers['x-api-key']]).toEqual(['Bearer sk-other', undefined]);
});

test('nor does one that is wrong, lacks the scope or comes too often', async () => {
  const statuses = new Set<number | undefined>();
  for (const begin of STARTS) statuses.add(await ask(begin, [`Authorization: Bearer ${CANARY}-guest`], '127.0.3.1'));
  for (let round = 0; round < 12; round += 1) statuses.add(await ask('POST /v1/llm', [`x-api-key: ${CANARY}-wrong`], '127.0.3.1'));
  expect([...statuses].toSorted()).toEqual([200, 400, 401, 403, 404, 429]);
  for (const begin of STARTS) await ask(begin, [`Authorization: Bearer ${CANARY}`], '127.0.2.1');
  expectNoLeak();
});

test('a key that stands where its hash belongs is in no message', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mgpu-canary-'));
  const consumers = { one: { url: 'http://127.0.0.1:1' } };
  const wrong = [[{ name: 'x', sha256: CANARY, scopes: ['infer'] }], CANARY, [CANARY], { x: CANARY }, [{ name: CANARY, sha256: 1, scopes: [CANARY] }].map(({ sha256, scopes }) => ({ name: 'x', sha256, scopes }))];
  for (const keys of wrong) {
    writeFileSync(join(folder, 'keys.yaml'), JSON.stringify(keys), { mode: 0o600 });
    for (const access of [{ keys }, { keys_file: 'keys.yaml' }]) {
      const result = parseConfig(JSON.stringify({ access, consumers }), join(folder, 'c.yaml'), {});
      const lines = result.ok ? [] : result.problems.map(formatProblem);
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.join('\n')).not.toContain(CANARY);
    }
  }
  rmSync(folder, { recursive: true });
});

test('the command line shows none', async () => {
  for (const [argv, env] of [[['status', '--url', broker.url], { MGPU_KEY: CANARY }], [['status', '--url', broker.url], { MGPU_KEY: `${CANARY} two` }], [['load', 'none', '--url', broker.url], { MGPU_KEY: CANARY }]] as const) {
    const { out, err } = await runCli(argv, { env });
    expect(out + err).not.toBe('');
    expect(out + err).not.toContain(CANARY);
  }
});
