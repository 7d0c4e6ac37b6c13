import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { runCli, startCli } from '../support/cli.ts';
import type { CliProcess } from '../support/cli.ts';
import { fakeCard } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { keyEntry } from '../support/keys.ts';
import { until } from '../support/until.ts';

const KEY = 'owner-key-77';
/** A process that starts from the sources on a busy machine. ms. */
const LIMIT_MS = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'mgpu-cli-keys-'));
const keyFile = join(folder, 'key');
beforeAll(() => writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 }));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a command that is given a key', () => {
  let broker: Broker;
  let fake: FakeConsumer;
  beforeEach(async () => {
    fake = await simpleConsumer({ loadedMib: 100 });
    const access = { keys: [keyEntry('owner', KEY, ['infer', 'read', 'admin'])] };
    broker = await startBroker({ consumers: { one: { fake, settings: { unload: { path: '/unload' } } } }, settings: { access } });
  });
  afterEach(() => broker.stop());

  /** Names of the keys with which its requests came. */
  const shown = (): unknown[] => broker.logger.lines.filter(({ message }) => message === 'exchange').map(({ fields }) => fields?.['key']);

  test.each([
    [['status']],
    [['plan', '--kind', 'llm']],
    [['load', 'none']],
    [['unload', 'one']],
    [['unload', '--all']],
    [['pause']],
    [['resume']],
  ])('shows it with every request: %j', async (argv) => {
    await runCli(['--key-file', keyFile, ...argv, '--url', broker.url], { env: { MGPU_KEY: 'another' } });
    await until(() => shown().length > 0);
    const first = shown().length;
    await runCli([...argv, '--url', broker.url], { env: { MGPU_KEY: KEY } });
    await until(() => shown().length > first);
    expect(new Set(shown())).toEqual(new Set(['owner']));
    await runCli([...argv, '--url', broker.url], { env: { MGPU_KEY: '' } });
    await until(() => shown().includes(undefined));
  });

  test('shows it inside a lease too, and leaves the consumer its own', async () => {
    const script = `
      const headers = { authorization: 'Bearer sk-own', 'x-api-key': 'sk-else' };
      const answer = await fetch(process.env.MGPU_URL + '/v1/llm', { method: 'POST', headers, body: '{}' });
      console.log(answer.status);`;
    const words = ['with-lease', '--url', broker.url, '--key-file', keyFile, 'llm', '--', process.execPath, '--input-type=module', '--eval', script];
    expect(await startCli(words).ended).toMatchObject({ code: 0, out: '200\n' });
    await until(() => shown().length >= 3);
    expect(new Set(shown())).toEqual(new Set(['owner']));
    const { headers } = await fake.waitFor(({ path }) => path === '/work');
    expect([headers['authorization'], headers['x-api-key']]).toEqual(['Bearer sk-own', undefined]);
  }, LIMIT_MS);
});

describe('a key that cannot be used', () => {
  test.each<[string, { readonly files: () => readonly string[]; readonly env?: Record<string, string> }, RegExp]>([
    ['in a file that others can read', { files: () => [open('open', KEY, 0o644)] }, /only its owner can read for --key-file, got .*mode 0644/],
    ['in a file that is not there', { files: () => [join(folder, 'none')] }, /got no such file/],
    ['in an empty file', { files: () => [open('empty', '\n', 0o600)] }, /expected one key/],
    ['of two words', { files: () => [open('two', 'a b', 0o600)] }, /expected one key/],
    ['of two words in the environment', { files: () => [], env: { MGPU_KEY: 'a b' } }, /expected one key of printable characters without spaces in \$MGPU_KEY/],
  ])('%s is wrong usage, and is not shown', async (_what, { files, env = {} }, message) => {
    const { code, out, err } = await runCli([...files().flatMap((file) => ['--key-file', file]), 'status', '--url', 'http://127.0.0.1:1'], { env });
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/owner-key|a b/);
  });

  function open(name: string, content: string, mode: number): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }
});

describe('serve', () => {
  const card = fakeCard({ totalMib: 16376 });
  let daemon: CliProcess;
  afterEach(async () => {
    daemon.signal('SIGKILL');
    await daemon.ended;
    card.cleanup();
  });

  test('says who can reach it and what they may do, when it starts and when that changes', async () => {
    const config = join(folder, 'config.yaml');
    const write = (access: Record<string, unknown>): void => {
      writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', access, consumers: { one: { url: 'http://127.0.0.1:1' } } }));
    };
    write({ allow: ['loopback', 'private'] });
    daemon = startCli(['serve', '-c', config], { ...card.env, XDG_STATE_HOME: folder });
    const lines = (): string[] => [...daemon.written.out.matchAll(/"message":"access","line":"([^"]*)"/g)].map(([, line = '']) => line);
    await until(() => lines().length === 5, LIMIT_MS);
    expect(lines()).toEqual([
      expect.stringMatching(/^reached at 127\.0\.0\.1:[1-9]\d* \(this machine only\)$/),
      expect.stringMatching(/^loopback /),
      expect.stringMatching(/^private .*: infer, read, as there are no keys$/),
      'all other addresses are refused',
      'web pages of other origins: refused',
    ]);
    expect(daemon.written.out).toMatch(/"level":"warn","message":"configuration","problem":"[^"]*access\.allow\[1\]: expected keys beside it/);
    write({ allow: ['loopback', 'private'], keys: [keyEntry('laptop', KEY, ['infer'])] });
    daemon.signal('SIGHUP');
    await until(() => lines().includes('key laptop: infer'), LIMIT_MS);
    expect(lines().slice(5)).toContainEqual(expect.stringMatching(/^private .*: a key is needed for all but \/healthz$/));
  }, 2 * LIMIT_MS);
});
