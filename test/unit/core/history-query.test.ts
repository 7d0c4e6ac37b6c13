import { describe, expect, test } from '@jest/globals';
import { parseHistoryQuery } from '../../../lib/core/history-query.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const parsed = (query: string) => {
  const params = new URLSearchParams(query);
  const repeated = (name: string) => (params.getAll(name).length > 1 ? params.getAll(name) : params.get(name));
  return parseHistoryQuery(Object.fromEntries([...params.keys()].map((name) => [name, repeated(name)])), NOW);
};
const queryOf = (query: string) => {
  const result = parsed(query);
  if (!result.ok) throw new Error(result.fault);
  return result.query;
};

test('nothing asked for is the newest hundred exchanges', () => {
  expect(queryOf('')).toEqual({ what: 'exchanges', sinceMs: null, untilMs: null, beforeId: null, filters: [], limit: 100 });
});

test('everything can be asked for at once', () => {
  expect(queryOf('since=2h&until=90m&consumer=a&kind=tts&code=queue_full&status=429&client=user+ann&limit=10000&before=17&format=csv')).toEqual({
    what: 'exchanges',
    sinceMs: NOW - 7_200_000,
    untilMs: NOW - 5_400_000,
    beforeId: 17,
    filters: [
      { column: 'consumer', from: 'a', to: 'a' },
      { column: 'kind', from: 'tts', to: 'tts' },
      { column: 'error', from: 'queue_full', to: 'queue_full' },
      { column: 'status', from: 429, to: 429 },
      { column: 'client', from: 'user ann', to: 'user ann' },
    ],
    limit: 10_000,
  });
  expect(queryOf('status=5xx').filters).toEqual([{ column: 'status', from: 500, to: 599 }]);
});

test('one entry is enough to ask for, and the first entry has none before it', () => {
  expect(queryOf('limit=1&before=1')).toMatchObject({ limit: 1, beforeId: 1 });
});

test.each([
  ['2026-02-01T10:00:00Z', '2026-02-01T10:00:00.000Z'],
  ['2026-02-01T10:00:00.5Z', '2026-02-01T10:00:00.500Z'],
  ['2026-02-01T10:00', '2026-02-01T10:00:00.000Z'],
  ['2026-02-01', '2026-02-01T00:00:00.000Z'],
  ['2026-02-01T10:00:00%2B02:00', '2026-02-01T08:00:00.000Z'],
  ['2026-02-01T10:00:00+02:00', '2026-02-01T08:00:00.000Z'],
  ['2026-02-01T10:00:00-02:00', '2026-02-01T12:00:00.000Z'],
  ['7d', '2026-02-22T12:00:00.000Z'],
  ['1.5h', '2026-03-01T10:30:00.000Z'],
])('since=%s is %s', (text, instant) => {
  expect(new Date(queryOf(`since=${text}`).sinceMs ?? 0).toISOString()).toBe(instant);
});

describe('a fault names the parameter and what it takes', () => {
  test.each([
    ['what=secrets', 'what: "secrets" is not kept; there are exchanges, evictions, loads, health, config, vram'],
    ['what=toString', 'what: "toString" is not kept'],
    ['since=yesterday', 'since: expected a time such as 2026-01-31T12:00:00Z, or how long ago such as 2h or 7d, got "yesterday"'],
    ['since=2026-13-01', 'since: expected a time'],
    ['until=5', 'until: expected a time'],
    ['limit=0', 'limit: expected a whole number from 1 to 10000, got "0"'],
    ['limit=10001', 'limit: expected a whole number from 1 to 10000'],
    ['limit=1e3', 'limit: expected a whole number'],
    ['before=-1', 'before: expected a whole number from 1 to'],
    ['status=600', 'status: expected a status such as 503, or a class of them such as 5xx, got "600"'],
    ['status=1503', 'status: expected a status'],
    ['status=5033', 'status: expected a status'],
    ['status=5x', 'status: expected a status'],
    ['consumer=', 'consumer: expected one value'],
    ['kind=tts&kind=stt', 'kind: expected one value'],
    ['consumr=a', '"consumr" is no parameter of exchanges; there are what, consumer, kind, code, status, client, since, until, before, limit, format'],
    ['what=vram&consumer=a', '"consumer" is no parameter of vram; there are what, since, until, before, limit, format'],
    ['what=evictions&code=x', '"code" is no parameter of evictions; there are what, consumer, since'],
  ])('%s', (query, fault) => {
    expect(parsed(query)).toEqual({ ok: false, fault: expect.stringContaining(fault) });
  });
});
