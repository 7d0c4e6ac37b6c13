import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';

const consumer = (name: string, more: Record<string, unknown> = {}) => ({ name, url: 'http://127.0.0.1:1', healthy: true, residency: 'resident', running: 0, waiting: 0, ...more });
const statusOf = (...consumers: unknown[]) => ({ listen: '127.0.0.1:8770', gpu: {}, routing: {}, consumers, scheduler: { queue_depth: 0, in_flight: 0 } });

let daemon: FakeDaemon;
let url: string;

beforeEach(async () => {
  daemon = new FakeDaemon();
  url = await daemon.start();
});
afterEach(() => daemon.stop());

describe('status', () => {
  test('of a healthy box exits with 0', async () => {
    daemon.can('GET /v1/status', statusOf(consumer('a')));
    const { code, out, err } = await runCli(['status', '--url', url]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^a +healthy +resident/m);
  });

  test.each([[['status']], [['status', '--json']]])('%j exits with 6 when a consumer is unhealthy', async (argv) => {
    daemon.can('GET /v1/status', statusOf(consumer('a'), consumer('b', { healthy: false, last_error: 'HTTP 500' })));
    expect((await runCli(argv, { env: { MGPU_URL: url } })).code).toBe(6);
  });

  test('--json prints what the daemon said', async () => {
    const body = { ...statusOf(consumer('a')), more: { later: [1] } };
    daemon.can('GET /v1/status', body);
    expect(JSON.parse((await runCli(['status', '--json', '--url', url])).out)).toEqual(body);
  });

  test.each([
    ['no JSON', (text: string) => text],
    ['JSON of another kind', () => '{"version":"0.1"}'],
  ])('of another server (%s) says so and exits with 1', async (_name, bodyOf) => {
    daemon.replies.set('GET /v1/status', (_req, res) => res.end(bodyOf('<html>')));
    expect(await runCli(['status', '--url', url])).toEqual({ code: 1, out: '', err: `mgpumanager: ${url} answers, but not as mGPUmanager does\n` });
  });

  test('says the daemon\'s own error', async () => {
    daemon.can('GET /v1/status', { error: 'forbidden', message: 'not from there', retryable: false }, 403);
    expect(await runCli(['status', '--url', url])).toEqual({ code: 1, out: '', err: 'mgpumanager: not from there\n' });
  });
});

describe('status --watch', () => {
  test('goes on while the daemon is away and when it comes back', async () => {
    daemon.can('GET /v1/status', statusOf(consumer('a')));
    const { port } = daemon;
    const second = new FakeDaemon();
    second.can('GET /v1/status', statusOf(consumer('b')));
    const steps = [() => daemon.stop(), () => second.start(port)];
    const pause = async (): Promise<boolean> => {
      const step = steps.shift();
      await step?.();
      return step !== undefined;
    };
    const { code, out } = await runCli(['status', '--watch', '--json', '--url', url], { pause });
    await second.stop();
    await daemon.start();
    const looks = out.trimEnd().split('\n').map((line): unknown => JSON.parse(line));
    expect(looks).toEqual([
      expect.objectContaining({ consumers: [expect.objectContaining({ name: 'a' })] }),
      { time: '2026-11-21T12:00:00.000Z', error: 'unreachable', message: expect.stringContaining('connection refused') },
      expect.objectContaining({ consumers: [expect.objectContaining({ name: 'b' })] }),
    ]);
    expect(code).toBe(0);
  });

  test('redraws a terminal and only adds to a file', async () => {
    daemon.can('GET /v1/status', statusOf(consumer('a')));
    let looks = 0;
    const pause = async (): Promise<boolean> => ++looks % 2 === 1;
    expect((await runCli(['status', '--watch', '--url', url], { pause, width: 80 })).out.split('\u001b[H\u001b[J')).toHaveLength(3);
    expect((await runCli(['status', '--watch', '--url', url], { pause })).out).not.toContain('\u001b');
  });
});

describe('plan', () => {
  const body = { consumer: 'a b', plan: 'fits', required_mib: 0, headroom_mib: 1, free_mib: 1, targets: [], busy: [], foreign: [], reason: 'a needs no further memory' };

  test('asks by kind or by consumer and prints the reason', async () => {
    daemon.can('GET /v1/plan?kind=tts', body);
    daemon.can('GET /v1/plan?consumer=a%20b', body);
    expect((await runCli(['plan', '--kind', 'tts', '--url', url])).out).toMatch(/^a needs no further memory\n/);
    expect(JSON.parse((await runCli(['plan', '--consumer', 'a b', '--json', '--url', url])).out)).toEqual(body);
  });

  test('says the daemon\'s error and exits with 1', async () => {
    daemon.can('GET /v1/plan?consumer=x', { error: 'unknown_consumer', message: 'there is no consumer named "x"', retryable: false }, 404);
    expect(await runCli(['plan', '--consumer', 'x', '--url', url])).toEqual({ code: 1, out: '', err: 'mgpumanager: there is no consumer named "x"\n' });
  });
});

describe('load and unload', () => {
  test('ask the daemon and say where the consumer is then', async () => {
    daemon.can('POST /v1/consumers/a/load', { consumer: 'a', residency: 'resident' });
    daemon.can('POST /v1/consumers/a/unload', { consumer: 'a', residency: 'absent' });
    expect(await runCli(['load', 'a', '--url', url])).toEqual({ code: 0, out: 'a: resident\n', err: '' });
    expect(await runCli(['unload', 'a', '--url', url])).toEqual({ code: 0, out: 'a: absent\n', err: '' });
  });

  test('--all unloads what holds memory, leaves alone what cannot be, and says what failed', async () => {
    daemon.can('GET /v1/status', statusOf(consumer('a'), consumer('b', { residency: 'absent' }), consumer('c'), consumer('d', { residency: 'unknown' })));
    daemon.can('POST /v1/consumers/a/unload', { consumer: 'a', residency: 'absent' });
    daemon.can('POST /v1/consumers/c/unload', { error: 'no_hook', message: 'c has no unload hook', retryable: false }, 409);
    daemon.can('POST /v1/consumers/d/unload', { error: 'eviction_failed', message: 'd did not unload', retryable: true }, 503);
    expect(await runCli(['unload', '--all', '--url', url])).toEqual({
      code: 1,
      out: 'a: absent\nc: left alone (it has no unload hook)\n',
      err: 'mgpumanager: d did not unload\n',
    });
    expect(daemon.asked).not.toContain('POST /v1/consumers/b/unload');
  });

  test('--all of an empty card has nothing to do', async () => {
    daemon.can('GET /v1/status', statusOf(consumer('a', { residency: 'absent' })));
    expect(await runCli(['unload', '--all', '--url', url])).toEqual({ code: 0, out: 'nothing is resident\n', err: '' });
  });
});

describe('a daemon that is not there', () => {
  test.each([[['status']], [['status', '--json']], [['plan', '--kind', 'tts']], [['load', 'a']], [['unload', '--all']]])('%j exits with 5 and says what to do', async (argv) => {
    await daemon.stop();
    const { code, out, err } = await runCli([...argv, '--url', url]);
    await daemon.start();
    expect({ code, out }).toEqual({ code: 5, out: '' });
    expect(err).toBe(
      `mgpumanager: no answer from ${url}: connection refused\nStart the daemon with \`mgpumanager serve\`, or say where it is with --url or MGPU_URL.\n`,
    );
  });
});
