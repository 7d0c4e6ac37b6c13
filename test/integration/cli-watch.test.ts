import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCli, startCli } from '../support/cli.ts';
import { eventText, FakeStream } from '../support/event-stream.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { QUEUE, snapshotOf, STATUS, UNLOADED } from '../support/seen-queue.ts';
import { until } from '../support/until.ts';

let daemon: FakeDaemon;
let url: string;
beforeEach(async () => {
  daemon = new FakeDaemon();
  url = await daemon.start();
});
afterEach(() => daemon.stop());

const loaded = (id: number, consumer = 'ollama') => ({ id, time: '2026-11-21T12:00:01.000Z', type: 'loaded', consumer, request: 'r', result: 'ready', load_ms: 1000, error: null });
const sample = { id: 4, time: '2026-11-21T12:00:02.000Z', type: 'sample', used_mib: 1, total_mib: 2, error: null };

describe('queue', () => {
  test('lists what runs and waits, and prints what the daemon said with --json', async () => {
    daemon.can('GET /v1/queue', QUEUE);
    const { code, out } = await runCli(['queue', '--url', url]);
    expect(code).toBe(0);
    expect(out).toContain('evicts ollama 9.8 GiB');
    expect(JSON.parse((await runCli(['queue', '--json', '--url', url])).out)).toEqual(QUEUE);
  });

  test('of a stranger, of nobody and of an older daemon says so', async () => {
    daemon.can('GET /v1/queue', { waiting: 'no' });
    expect(await runCli(['queue', '--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('not as mGPUmanager does') });
    expect(await runCli(['queue', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 5, out: '' });
    daemon.replies.clear();
    expect(await runCli(['queue', '--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('no such path') });
  });
});

describe('names', () => {
  test('prints consumers, and the ids of what runs and waits, one a line', async () => {
    daemon.can('GET /v1/queue', QUEUE);
    daemon.can('GET /v1/status', STATUS);
    expect(await runCli(['names', 'requests', '--url', url])).toEqual({ code: 0, out: '7\n8\n9\n', err: '' });
    expect(await runCli(['names', 'consumers', '--url', url])).toEqual({ code: 0, out: 'comfyui\nmvoice\nollama\n', err: '' });
    expect(await runCli(['names', 'consumers', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 5, out: '' });
  });
});

describe('cancel', () => {
  test('cancels each, goes on after one that is not there, and exits with 1', async () => {
    daemon.can('DELETE /v1/queue/7', { id: '7', was: 'running' });
    daemon.can('DELETE /v1/queue/a%2Fb', { error: 'not_in_queue', message: 'nothing with the id a/b waits or runs', retryable: false }, 404);
    daemon.can('DELETE /v1/queue/8', { id: '8', was: 'waiting' });
    expect(await runCli(['cancel', '7', 'a/b', '8', '--url', url])).toEqual({
      code: 1,
      out: '7: cancelled (it was running)\n8: cancelled (it was waiting)\n',
      err: 'mgpumanager: nothing with the id a/b waits or runs\n',
    });
  });

  test('--json has one result for each', async () => {
    daemon.can('DELETE /v1/queue/7', { id: '7', was: 'running' });
    const { code, out, err } = await runCli(['cancel', '7', '9', '--json', '--url', url]);
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(JSON.parse(out)).toEqual({ results: [{ id: '7', cancelled: true, was: 'running' }, { id: '9', cancelled: false, error: 'not_found', message: 'no such path: /v1/queue/9' }] });
  });
});

describe('events', () => {
  const begin = eventText('snapshot', snapshotOf('b', [UNLOADED, sample]), 'b-3');

  test('tells the last ones and ends, without the readings of the card', async () => {
    new FakeStream(daemon, '/v1/events', begin);
    const { code, out } = await runCli(['events', '--url', url]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\S+ {2}comfyui was unloaded for ollama in 1\.2 s and freed 9\.5 GiB\n$/);
  });

  test('--json --types prints those types, one a line', async () => {
    new FakeStream(daemon, '/v1/events', begin);
    expect(JSON.parse((await runCli(['events', '--json', '--types', 'sample', '--url', url])).out)).toEqual(sample);
  });

  test('-f goes on after a cut from the last event, tells each once, and says that some were missed', async () => {
    const stream = new FakeStream(daemon, '/v1/events');
    const cli = startCli(['events', '-f', '--json', '--url', url]);
    await stream.opened(1);
    stream.send('snapshot', snapshotOf('b', [UNLOADED]), 'b-3');
    stream.send('loaded', loaded(5), 'b-5');
    await until(() => cli.written.out.includes('"id":5'));
    await stream.cut();
    await stream.opened(2);
    expect(stream.asked).toEqual([null, 'b-5']);
    stream.send('reset', {});
    stream.send('snapshot', snapshotOf('b', [loaded(5), loaded(6)]), 'b-6');
    stream.send('reset', {});
    // Another run begins to count anew.
    stream.send('snapshot', snapshotOf('c', [loaded(1, 'mvoice')]), 'c-1');
    await until(() => cli.written.out.includes('mvoice'));
    cli.signal('SIGTERM');
    const { out, err } = await cli.ended;
    expect(out.trimEnd().split('\n').map((line) => JSON.parse(line).id)).toEqual([3, 5, 6, 1]);
    expect(err).toBe(`mgpumanager: ${url} has ended the stream; trying again\nmgpumanager: connected again\nmgpumanager: some events were missed\nmgpumanager: some events were missed\n`);
  });

  test('-f of a daemon that was never there exits with 5, of one without events with 1', async () => {
    expect(await runCli(['events', '-f', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 5 });
    expect(await runCli(['events', '-f', '--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('no such path') });
    daemon.can('GET /v1/events', {});
    expect(await runCli(['events', '-f', '--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('not with a stream of events') });
  });
});

describe('logs', () => {
  const line = (id: number, message: string) => ({ id, time: '2026-11-21T12:00:00.000Z', level: 'warn', message, fields: { consumer: 'a', reason: 'it is slow', none: null } });

  test('asks for what is wanted, and shows lines as people read them', async () => {
    daemon.can('GET /v1/logs?n=5&level=warn&grep=a+b', { lines: [line(1, 'slow')] });
    const { code, out } = await runCli(['logs', '-n', '5', '--level', 'warn', '--grep', 'a b', '--url', url]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d\d:00:00 warn {2}slow consumer=a reason="it is slow"\n$/);
  });

  test('-f shows each line, and goes on after a cut', async () => {
    const stream = new FakeStream(daemon, '/v1/logs?follow=1&level=debug');
    const cli = startCli(['logs', '-f', '--json', '--url', url]);
    await stream.opened(1);
    stream.send('line', line(1, 'one'), 'b-1');
    await until(() => cli.written.out.includes('one'));
    await stream.cut();
    await stream.opened(2);
    stream.send('line', line(2, 'two'), 'b-2');
    await until(() => cli.written.out.includes('two'));
    cli.signal('SIGTERM');
    await cli.ended;
    expect(stream.asked).toEqual([null, 'b-1']);
  });
});

describe('history', () => {
  const rows = [{ id: 12, time: '2026-11-21T12:00:00.000Z', consumer: 'comfyui', reason: 'room', freed_mib: 9700.44, error: null }];

  test('asks with its filters, and shows a column for what there is', async () => {
    daemon.can('GET /v1/history?what=evictions&since=2h&consumer=comfyui&limit=5', { schema_version: 1, what: 'evictions', rows, next: 12 });
    const { code, out } = await runCli(['history', '--what', 'evictions', '--since', '2h', '--consumer', 'comfyui', '--limit', '5', '--url', url]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ID {2}TIME +CONSUMER {2}REASON {2}FREED MIB\n12 {2}2026-11-2\d \d\d:\d0:00 {2}comfyui +room +9700\.4\nmore with --before 12\n$/);
  });

  test('--json and --csv print what the daemon said', async () => {
    const body = { schema_version: 1, what: 'exchanges', rows, next: null };
    daemon.can('GET /v1/history?what=exchanges', body);
    expect(JSON.parse((await runCli(['history', '--json', '--url', url])).out)).toEqual(body);
    daemon.replies.set('GET /v1/history?what=exchanges&format=csv', (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/csv; charset=utf-8' });
      res.end('id,model\r\n1,größe\r\n');
    });
    expect(await runCli(['history', '--csv', '--url', url])).toEqual({ code: 0, out: 'id,model\r\n1,größe\r\n', err: '' });
  });

  test('that is off, or refused, says so', async () => {
    daemon.can('GET /v1/history?what=exchanges', { error: 'history_off', message: 'no history is kept; see `history`', retryable: false }, 404);
    expect(await runCli(['history', '--url', url])).toMatchObject({ code: 1, err: 'mgpumanager: no history is kept; see `history`\n' });
    expect(await runCli(['history', '--csv', '--url', 'http://127.0.0.1:1'])).toMatchObject({ code: 5 });
    daemon.can('GET /v1/history?what=exchanges&since=yesterday', { error: 'bad_request', message: 'since: expected a time', retryable: false }, 400);
    expect(await runCli(['history', '--since', 'yesterday', '--url', url])).toEqual({ code: 2, out: '', err: 'mgpumanager: since: expected a time\n' });
  });

  test('of nothing says so', async () => {
    daemon.can('GET /v1/history?what=exchanges', { rows: [], next: null });
    expect((await runCli(['history', '--url', url])).out).toBe('nothing was kept of that\n');
  });
});

describe('top', () => {
  test('--once prints one picture with what was before, without a terminal', async () => {
    daemon.can('GET /v1/status', STATUS);
    daemon.can('GET /v1/queue', QUEUE);
    new FakeStream(daemon, '/v1/events', eventText('snapshot', snapshotOf('b')));
    const { code, out } = await runCli(['top', '--once', '--ascii', '--url', url]);
    expect(code).toBe(0);
    expect(out).toContain('LAST EVICTIONS\n');
    expect(out).toContain('comfyui for ollama: freed 9.5 GiB');
    expect(out).not.toContain('q quit');
  });

  test('without a terminal says so and exits with 2; of nobody it exits with 5', async () => {
    const cli = startCli(['top', '--url', url]);
    expect(await cli.ended).toMatchObject({ code: 2, out: '', err: expect.stringContaining('top needs a terminal') });
    expect((await runCli(['top', '--once', '--url', 'http://127.0.0.1:1'])).code).toBe(5);
  });
});
