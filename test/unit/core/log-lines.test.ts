import { describe, expect, test } from '@jest/globals';
import { isWanted, KeptLine, lineEvent, lineSeen, lineText, newestWanted, printable, readLogQuery } from '../../../lib/core/log-lines.ts';
import type { LogLevel, LogQuery } from '../../../lib/core/log-lines.ts';

const line = (id: number, level: LogLevel, { message = 'x', ...fields }: Record<string, unknown> & { message?: string } = {}) => new KeptLine(id, level, lineText({ timestamp: '2026-11-21T12:00:00Z', level, message, ...fields }));
const ALL: LogQuery = { follow: false, n: 100, level: 'debug', grep: '' };

describe('a line that is kept', () => {
  test('is JSON with its fields beside what every line has', () => {
    expect(JSON.parse(line(7, 'warn', { message: 'slow', consumer: 'a', ms: 3 }).json)).toEqual({ id: 7, time: '2026-11-21T12:00:00Z', level: 'warn', message: 'slow', fields: { consumer: 'a', ms: 3 } });
  });

  test('does not keep long texts', () => {
    const { json } = line(1, 'info', { message: 'exchange', path: 'x'.repeat(16_000) });
    expect(json.length).toBeLessThan(2200);
    expect(json).toContain('x…"');
  });

  test('keeps a text of 2048 characters whole, and cuts one more', () => {
    const kept = (length: number): string => JSON.parse(line(1, 'info', { path: 'x'.repeat(length) }).json).fields.path;
    expect([kept(2048), kept(2049)]).toEqual(['x'.repeat(2048), `${'x'.repeat(2048)}…`]);
  });

  test('cuts only texts, also where others are long together', () => {
    const fields = { path: 'x'.repeat(3000), list: Array.from({ length: 2100 }, (_, index) => index), none: null, inner: { ms: 1.5 } };
    expect(JSON.parse(line(1, 'info', { message: 'm', ...fields }).json).fields).toEqual({ ...fields, path: `${'x'.repeat(2048)}…` });
  });

  test('stays one where a field cannot be said in JSON', () => {
    expect(JSON.parse(line(1, 'info', { message: 'odd', big: 1n }).json)).toMatchObject({ message: 'odd', fields: { unwritable: expect.stringContaining('BigInt') } });
  });
});

test.each([
  ['plain ~ !', 'plain ~ !'],
  ['', ''],
  ['grün 日本 😀', 'grün 日本 😀'],
  ['bell\u0007', 'bell\\u0007'],
  ['\u007f\u009b', '\\u007f\\u009b'],
  ['é\u202ex', 'é\\u202ex'],
  ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
  ['\u{e0001}', '\\udb40\\udc01'],
])('%j reaches a terminal as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

describe('what somebody wants', () => {
  const lines = [line(1, 'error', { message: 'unload failed', consumer: 'ComfyUI' }), line(2, 'info', { message: 'exchange' }), line(3, 'debug', { message: 'tick' }), line(4, 'warn', { message: 'slow' })];

  test.each<[Partial<LogQuery>, number[]]>([
    [{}, [1, 2, 3, 4]],
    [{ n: 2 }, [3, 4]],
    [{ n: 0 }, []],
    [{ level: 'warn' }, [1, 4]],
    [{ level: 'error' }, [1]],
    [{ grep: 'comfyui' }, [1]],
    [{ grep: 'e', level: 'info', n: 1 }, [4]],
  ])('%j', (over, ids) => {
    expect(newestWanted(lines, { ...ALL, ...over }).map(({ id }) => id)).toEqual(ids);
  });

  test('is no longer than a stream may begin with', () => {
    expect(newestWanted(lines, ALL, line(4, 'warn', { message: 'slow' }).json.length).map(({ id }) => id)).toEqual([4]);
  });

  test('is looked for in the fields, too', () => {
    expect(isWanted(line(1, 'info', { message: 'x', path: '/v1/LLM' }), { ...ALL, grep: '/v1/llm' })).toBe(true);
  });
});

describe('the query', () => {
  test('is 100 lines of any level unless it says otherwise', () => {
    expect(readLogQuery({})).toEqual({ query: { follow: false, n: 100, level: 'debug', grep: '' } });
    expect(readLogQuery({ grep: 'x'.repeat(200) })).toEqual({ query: expect.objectContaining({ grep: 'x'.repeat(200) }) });
    expect(readLogQuery({ follow: '1', n: '2000', level: 'warn', grep: 'A' })).toEqual({ query: { follow: true, n: 2000, level: 'warn', grep: 'a' } });
  });

  test.each([
    [{ n: '2001' }, 'n'],
    [{ n: '-1' }, 'n'],
    [{ n: '12x' }, 'n'],
    [{ n: ['5'] }, 'n'],
    [{ level: 'trace' }, 'error, warn, info, debug'],
    [{ n: ['1', '2'] }, 'n'],
    [{ follow: 'yes' }, 'follow'],
    [{ level: 'trace' }, 'level'],
    [{ grep: ['a', 'b'] }, 'grep'],
    [{ grep: 'x'.repeat(201) }, 'grep'],
    [{ lines: '3' }, '"lines"'],
  ])('%j is refused by name', (query, name) => {
    expect(readLogQuery(query)).toEqual({ fault: expect.stringContaining(name) });
  });
});

test('a stream has the lines with ids by which a reader goes on', () => {
  const one = line(5, 'info', { message: 'x' });
  expect(lineEvent('b-1', one)).toBe(`event: line\nid: b-1-5\ndata: ${one.json}\n\n`);
  expect(['b-1-5', 'b-1-17', 'b-2-5', 'b-1-x', 'b-1-5x', 'b-1-x5', 'b-1-', undefined].map((id) => lineSeen('b-1', id))).toEqual([5, 17, null, null, null, null, null, null]);
});
