import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { appended, filtered, lineOf } from '../../../ui/log-lines.js';
import { sseParser } from '../../../ui/sse.js';

const parse = (pieces: readonly string[]): unknown[] => {
  const events: unknown[] = [];
  const take = sseParser((event) => events.push(event));
  for (const piece of pieces) take(piece);
  return events;
};

describe('a stream of events', () => {
  const text = ': hello\nretry: 2000\n\nevent: snapshot\nid: b-1\ndata: {"a":1}\n\n: heartbeat\n\nid: b-2\r\ndata:x\r\ndata: y\r\n\r\nevent: reset\n\ndata\n\ndata: unfinished';
  const events = [{ type: 'snapshot', data: '{"a":1}', id: 'b-1' }, { type: 'message', data: 'x\ny', id: 'b-2' }, { type: 'message', data: '', id: 'b-2' }];

  test('is read as the standard says', () => {
    expect(parse([text])).toEqual(events);
  });

  test('is read the same however it is cut', () => {
    fc.assert(fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const stops = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      expect(parse(stops.slice(1).map((stop, index) => text.slice(stops[index], stop)))).toEqual(events);
    }));
  });
});

describe('a line of the log', () => {
  const line = (id: number, level: string, message: string) => lineOf(JSON.stringify({ time: `2026-01-01T12:00:0${id}Z`, level, message, fields: { request: { n: id }, consumer: 'a' } }), id);
  const lines = [line(1, 'info', 'exchange'), line(2, 'warn', 'unload failed'), line(3, 'error', 'bad'), line(4, 'debug', 'probe')];

  test('shows its message and whatever else is in it; what is no object is shown as it is', () => {
    expect(lines[0]).toMatchObject({ time: '2026-01-01T12:00:01Z', level: 'info', text: 'exchange request={"n":1} consumer=a' });
    expect(lineOf('{"message":"bare","id":3}', 9).text).toBe('bare');
    expect(lineOf('plain text', 9)).toMatchObject({ level: 'info', text: 'plain text' });
    expect(lineOf('7', 9).text).toBe('7');
  });

  test('is found by level and by a regular expression; half of one is none', () => {
    const idsFor = (pattern: string, level: string) => filtered(lines, { pattern, level })?.shown.map(({ id }) => id);
    expect(idsFor('', 'info')).toEqual([1, 2, 3]);
    expect(idsFor('', 'debug')).toEqual([1, 2, 3, 4]);
    expect(idsFor('UNLOAD|bad', 'warn')).toEqual([2, 3]);
    expect(idsFor('"n":3', 'error')).toEqual([3]);
    expect(filtered(lines, { pattern: '(', level: 'info' })).toBeNull();
    const many = Array.from({ length: 1000 }, (_, id) => lineOf('x', id));
    expect(filtered(many, { pattern: '', level: 'info' })).toMatchObject({ found: 1000, shown: { length: 400 } });
  });

  test('that is sent again after a break is not shown again, and old ones go', () => {
    const again = [lineOf(lines[3]?.raw ?? '', 5), line(6, 'info', 'new')];
    expect(appended(lines, again).map(({ id }) => id)).toEqual([1, 2, 3, 4, 6]);
    expect(appended([], Array.from({ length: 2500 }, (_, id) => line(id % 10, 'info', String(id))))).toHaveLength(2000);
  });
});
