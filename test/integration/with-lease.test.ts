import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { startCli } from '../support/cli.ts';
import type { CliProcess } from '../support/cli.ts';
import { isAlive } from '../support/fake-card.ts';
import type { FakeConsumer } from '../support/fake-consumer.ts';
import { openRequest, request } from '../support/http.ts';
import { until, untilAsked } from '../support/until.ts';

/** A process that starts from the sources on a busy machine. ms. */
const LIMIT_MS = 20_000;

let broker: Broker;
let llm: FakeConsumer;
let started: CliProcess[];

beforeEach(async () => {
  started = [];
  llm = await simpleConsumer();
  const tts = await simpleConsumer();
  broker = await startBroker({
    consumers: { llm: { fake: llm }, tts: { fake: tts } },
    settings: { routing: { llm: 'llm', tts: 'tts', stt: 'tts', image: 'tts' } },
  });
});
afterEach(async () => {
  for (const each of started) each.signal('SIGKILL');
  await broker.stop();
});

/** Starts `with-lease` on a piece of JavaScript. */
function withLease(script: string, options: readonly string[] = ['llm']): CliProcess {
  return start([...options, '--', process.execPath, '--input-type=module', '--eval', script]);
}

function start(words: readonly string[]): CliProcess {
  const process = startCli(['with-lease', '--url', broker.url, ...words]);
  started.push(process);
  return process;
}

const ask = (path = '/v1/llm') => openRequest({ url: broker.url + path, method: 'POST', body: {} });
const said = (cli: CliProcess, text: string) => until(() => cli.written.out.includes(text), LIMIT_MS);
const leases = async () => (await broker.status()).leases;
/** Longer than any test, but not for ever, should a test fail. */
const RUNS = `console.log('runs ' + process.pid); setTimeout(() => {}, 60_000);`;

describe('the command', () => {
  test('has the card to itself for all its requests, and the next one gets it at its end', async () => {
    const script = `
      const post = async () => (await fetch(process.env.MGPU_URL + '/v1/llm', { method: 'POST', headers: { 'x-who': 'inside' }, body: '{}' })).status;
      const status = async () => (await fetch(process.env.MGPU_URL + '/v1/status')).json();
      console.log('first', await post());
      while ((await status()).scheduler.queue_depth === 0);
      console.log('second', await post());
    `;
    const cli = withLease(script);
    await said(cli, 'first 200');
    const other = ask();
    expect(await cli.ended).toEqual({ code: 0, out: 'first 200\nsecond 200\n', err: '' });
    expect((await other.ended).status).toBe(200);
    expect(llm.jobs.map(({ headers }) => headers['x-who'])).toEqual(['inside', 'inside', undefined]);
    expect(await leases()).toEqual([]);
  }, LIMIT_MS);

  test('finds the forwarder and the token in its environment, beside what was there', async () => {
    const script = `
      const { MGPU_URL, OPENAI_BASE_URL, OLLAMA_HOST, MGPU_LEASE, HOME } = process.env;
      console.log(JSON.stringify({ MGPU_URL, OPENAI_BASE_URL, OLLAMA_HOST, MGPU_LEASE, HOME }));
    `;
    const { out } = await withLease(script).ended;
    const found = JSON.parse(out);
    expect(found).toMatchObject({ OPENAI_BASE_URL: `${found.MGPU_URL}/v1`, OLLAMA_HOST: `${found.MGPU_URL}/ollama`, HOME: process.env['HOME'] });
    expect(found.MGPU_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(found.MGPU_URL).not.toBe(broker.url);
    expect(found.MGPU_LEASE).toMatch(/^[\w-]{20,}$/);
  }, LIMIT_MS);

  test('can be for a consumer by its name, and gets 409 for another', async () => {
    const script = `
      const post = async (kind) => (await fetch(process.env.MGPU_URL + '/v1/' + kind, { method: 'POST', body: '{}' })).status;
      console.log(await post('tts'), await post('llm'));
    `;
    expect(await withLease(script, ['--consumer', 'tts']).ended).toEqual({ code: 0, out: '200 409\n', err: '' });
  }, LIMIT_MS);

  test('keeps its own options, whatever they are', async () => {
    const cli = start(['llm', '--', process.execPath, '-p', 'process.argv.slice(1).join()', '--', '--help', '--json', '-c', '--', '--ttl']);
    expect(await cli.ended).toEqual({ code: 0, out: '--help,--json,-c,--,--ttl\n', err: '' });
  }, LIMIT_MS);
});

describe('the end of the command', () => {
  test.each([
    ['its exit code', 'process.exitCode = 7', 7],
    ['128 and the signal that ended it', `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)`, 143],
  ])('gives the card back and passes on %s', async (_name, script, code) => {
    expect(await withLease(script).ended).toEqual({ code, out: '', err: '' });
    expect(await leases()).toEqual([]);
  }, LIMIT_MS);

  test.each([
    ['no-such-command', 127, 'command not found'],
    ['/etc', 126, 'cannot be run (EACCES)'],
  ])('that cannot even begin (%s) is what a shell says: %d, %s', async (command, code, reason) => {
    expect(await start(['llm', '--', command]).ended).toEqual({ code, out: '', err: `mgpumanager: ${command}: ${reason}\n` });
    expect(await leases()).toEqual([]);
  }, LIMIT_MS);

  test('cuts what it left running', async () => {
    llm.on('POST /work', (exchange) => exchange.never());
    const cli = withLease(`fetch(process.env.MGPU_URL + '/v1/llm', { method: 'POST', body: '{}' }); ${RUNS}`);
    await llm.waitFor(1, LIMIT_MS);
    cli.signal('SIGTERM');
    await llm.waitFor(({ aborted }) => aborted === true);
    expect((await cli.ended).code).toBe(143);
    await broker.running(0);
  }, LIMIT_MS);
});

describe('a signal', () => {
  test.each<[NodeJS.Signals]>([['SIGINT'], ['SIGTERM'], ['SIGHUP']])('%s goes to the command, which may end as it likes', async (signal) => {
    const cli = withLease(`process.on('${signal}', () => { console.log('got it'); process.exit(3); }); ${RUNS}`);
    await said(cli, 'runs');
    cli.signal(signal);
    const { code, out } = await cli.ended;
    expect([code, out.split('\n')[1]]).toEqual([3, 'got it']);
    expect(await leases()).toEqual([]);
  }, LIMIT_MS);

  test('while the lease is waited for leaves the queue', async () => {
    llm.on('POST /work', (exchange) => exchange.never());
    const running = ask();
    await llm.waitFor(1);
    const cli = withLease(`console.log('never')`);
    await until(() => broker.daemon.gate.statistics.waiting === 1, LIMIT_MS);
    cli.signal('SIGTERM');
    expect(await cli.ended).toEqual({ code: 143, out: '', err: '' });
    await broker.waiting(0);
    running.abort();
  }, LIMIT_MS);

  test('that nobody can catch lets the lease expire', async () => {
    const cli = withLease(RUNS, ['llm', '--ttl', '400ms']);
    await said(cli, 'runs');
    const pid = Number(cli.written.out.split(' ')[1]);
    cli.signal('SIGKILL');
    const next = ask();
    expect((await next.ended).status).toBe(200);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    expect((await cli.ended).code).toBe('SIGKILL');
  }, LIMIT_MS);
});

describe('a lease that cannot be had', () => {
  test('is the daemon\'s word and 1: it is paused', async () => {
    await request({ url: `${broker.url}/v1/pause`, method: 'POST', body: { by: 'martin' } });
    const { code, out, err } = await withLease(`console.log('never')`).ended;
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^mgpumanager: the card is paused since .* by martin\n$/);
  }, LIMIT_MS);

  test('in the time of --wait is 1', async () => {
    llm.on('POST /work', (exchange) => exchange.never());
    const running = ask();
    await llm.waitFor(1);
    const { code, err } = await withLease(`console.log('never')`, ['tts', '--wait', '50ms']).ended;
    expect([code, err]).toEqual([1, expect.stringMatching(/^mgpumanager: .*wait/)]);
    running.abort();
  }, LIMIT_MS);

  test('as nobody is there is 5', async () => {
    expect(await startCli(['with-lease', '--url', 'http://127.0.0.1:1', 'llm', '--', 'true']).ended).toMatchObject({ code: 5, err: expect.stringContaining('connection refused') });
  }, LIMIT_MS);
});

describe('a lease', () => {
  const TTL_MS = 700;
  const expiry = async (): Promise<number> => {
    const { body } = await request({ url: `${broker.url}/v1/status` });
    return Date.parse(String(JSON.parse(body).leases[0]?.expires_at));
  };

  test('is renewed for as long as the command runs', async () => {
    const cli = withLease(RUNS, ['llm', '--ttl', `${TTL_MS}ms`]);
    await said(cli, 'runs');
    const first = await expiry();
    await untilAsked(async () => (await expiry()) > first + 2 * TTL_MS, LIMIT_MS);
    cli.signal('SIGTERM');
    expect(await cli.ended).toMatchObject({ code: 143, err: '' });
  }, LIMIT_MS);

  test('that is lost is told once, and the command goes on, with 410 for its requests', async () => {
    const script = `
      const post = async () => (await fetch(process.env.MGPU_URL + '/v1/llm', { method: 'POST', body: '{}' })).status;
      console.log('runs');
      while (await post() === 200);
      console.log(await post());
      process.once('SIGTERM', () => process.exit(0));
      console.log('waits');
      setInterval(() => {}, 1000);
    `;
    const cli = withLease(script, ['llm', '--ttl', `${TTL_MS}ms`]);
    await said(cli, 'runs');
    const [lease] = await leases();
    await request({ url: `${broker.url}/v1/leases/${lease?.id}`, method: 'DELETE' });
    await said(cli, '410\nwaits');
    await until(() => cli.written.err !== '', LIMIT_MS);
    cli.signal('SIGTERM');
    const { code, err } = await cli.ended;
    expect(code).toBe(0);
    expect(err).toBe('mgpumanager: the lease of llm is lost (there is no such lease, or it has expired); requests now get 410 lease_expired\n');
  }, LIMIT_MS);
});
