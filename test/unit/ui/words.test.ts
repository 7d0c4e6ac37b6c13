import { describe, expect, test } from '@jest/globals';
import { advice } from '../../../ui/advice.js';
import type { Row, WaitingEntry } from '../../../ui/types.ts';
import { estimate, evicts, measure, sentence, size, span } from '../../../ui/words.js';
import { consumer, snapshot, told, UNLOADED, UNLOADING, viewAfter } from '../../support/watched-events.ts';

const entry: WaitingEntry = { id: '1', kind: 'llm', consumer: 'a', model: null, client: null, since: '', position: 1, wait_ms: 0, estimated_wait_ms: 13_000, estimated_wait_range_ms: [8000, 20_000], will_evict: [] };
const rowOf = (...occurrences: Parameters<typeof told>[1][]): Row => {
  const [row] = viewAfter(snapshot(), occurrences.map((each, index) => told(index + 1, each))).rows;
  if (row === undefined) throw new Error('no row');
  return row;
};

test.each([[0, '0 MiB'], [999, '999 MiB'], [1024, '1.0 GiB'], [12_500, '12.2 GiB'], [null, '?'], [undefined, '?']])('%p MiB are %s', (mib, text) => {
  expect(size(mib)).toBe(text);
});

test.each([[0, '0 ms'], [123, '120 ms'], [949, '950 ms'], [950, '0.9 s'], [9949, '9.9 s'], [9960, '10 s'], [61_000, '1 min 01 s'], [3_600_000, '1 h 00 min'], [90_000_000, '25 h 00 min'], [null, '?']])('%p ms are %s', (ms, text) => {
  expect(span(ms)).toBe(text);
});

describe('an estimate', () => {
  test('says the range, and runs down', () => {
    expect(estimate(entry, 0)).toBe('in about 13 s (8.0 s to 20 s)');
    expect(estimate(entry, 9000)).toBe('in about 4.0 s (less than 1 s to 11 s)');
    expect(estimate(entry, 12_001)).toBe('any moment now');
  });

  test('is not needed while room is being made', () => {
    expect(estimate({ ...entry, admitting: true }, 0)).toBe('room is being made for it');
  });

  test('that there is none says why', () => {
    expect(estimate({ ...entry, estimated_wait_ms: null, estimate: 'no history' }, 0)).toBe('no estimate: no history');
    expect(estimate({ ...entry, estimated_wait_ms: null }, 0)).toBe('no estimate');
  });
});

test('whom a request will put out is said with what that frees', () => {
  expect(evicts(entry)).toBeNull();
  expect(evicts({ ...entry, will_evict: [{ consumer: 'a', frees_mib: 500 }, { consumer: 'b', frees_mib: null }] })).toBe('will evict a (500 MiB), b');
});

describe('a row', () => {
  test('is a sentence with its cause, and what was measured', () => {
    expect(sentence(rowOf(UNLOADING))).toBe('a is being unloaded for b: b needs 2256 MiB');
    const done = rowOf(UNLOADING, UNLOADED);
    expect([sentence(done), measure(done)]).toEqual(['a was unloaded for b: b needs 2256 MiB', 'expected 2000 MiB, freed 1990 MiB, took 500 ms']);
    expect(sentence(rowOf({ ...UNLOADED, for: null, reason: 'idle', explanation: null }))).toBe('a was unloaded: it had been idle for too long');
    expect(sentence(rowOf({ ...UNLOADED, result: 'failed', explanation: null }))).toBe('a could not be unloaded for b');
  });

  test.each([
    [{ type: 'loading', consumer: 'a', request: 'r' }, 'a is being loaded'],
    [{ type: 'pause', paused: true, by: 'anna' }, 'the card is kept from new work, by anna'],
    [{ type: 'pause', paused: false, by: null }, 'new work is taken again'],
    [{ type: 'config', result: 'refused', problem: 'x' }, 'a new configuration was refused'],
  ] as const)('of %j', (occurrence, text) => {
    expect(sentence(rowOf(occurrence))).toBe(text);
    expect(measure(rowOf(occurrence))).toBeNull();
  });
});

describe('what would help', () => {
  const commands = (over: Parameters<typeof consumer>[1], name = 'mvoice') => advice(consumer(name, { healthy: false, ...over })).map(({ command }) => command);

  test('is a command that can be pasted into a shell', () => {
    expect(commands({ systemd_unit: 'whisper-server.service', last_error: 'GET /health: x' })).toEqual(['systemctl --user restart whisper-server.service', 'curl -i http://127.0.0.1:9000/health']);
    expect(commands({ last_error: 'GET /health: connect ECONNREFUSED 127.0.0.1:9000' })).toEqual(['pm2 restart mvoice', 'curl -i http://127.0.0.1:9000/health']);
    expect(commands({ last_error: 'GET /a/b answered 404' })[0]).toBe('curl -i http://127.0.0.1:9000/a/b');
    for (const unit of [{}, { systemd_unit: 'x.service' }]) expect(commands({ ...unit, last_error: 'getaddrinfo ENOTFOUND x' })).toEqual(['mgpumanager check']);
    expect(commands({ last_error: 'GET /a?b=$(reboot): timed out after 2000 ms' })).toEqual(["curl -i 'http://127.0.0.1:9000/a?b=$(reboot)'", 'pm2 restart mvoice']);
    expect(commands({ systemd_unit: "a'b;c" })[0]).toBe("systemctl --user restart 'a'\\''b;c'");
  });
});
