import { describe, expect, test } from '@jest/globals';
import { partsOf, traceEndpoint } from '../../../lib/core/trace.ts';
import { formatTraceparent, parseTraceparent } from '../../../lib/core/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traceparent', () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-comes-later`, true],
  ])('%s is read', (header, isSampled) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled });
  });

  test.each([
    [undefined],
    [''],
    [[`00-${TRACE}-${SPAN}-01`]],
    [`ff-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01-more`],
    [`00-${'0'.repeat(32)}-${SPAN}-01`],
    [`00-${TRACE}-${'0'.repeat(16)}-01`],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}`],
    [`00-${TRACE}-${SPAN}-1`],
    [`x00-${TRACE}-${SPAN}-01`],
    [`cc-${TRACE}-${SPAN}-01x`],
  ])('%j is not', (header) => {
    expect(parseTraceparent(header)).toBeNull();
  });

  test.each([
    ['0'.repeat(31) + 'a', 'a' + '0'.repeat(15)],
    ['a' + '0'.repeat(31), '0'.repeat(15) + 'a'],
  ])('may have ids with zeros: %s and %s', (traceId, spanId) => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, isSampled: true });
  });

  test.each([true, false])('is written as it is read (sampled: %j)', (isSampled) => {
    const ids = { traceId: TRACE, spanId: SPAN, isSampled };
    expect(parseTraceparent(formatTraceparent(ids))).toEqual(ids);
  });
});

describe('an exchange has the parts', () => {
  test('of a request for which room was made and that was loaded', () => {
    const marks = { startedAt: 0, asked: 10, granted: 100, sent: 101, endedAt: 200 };
    expect(partsOf(marks, { queue: 20, evict: 30, load: 40, upstream: 5 })).toEqual([
      { name: 'route', from: 0, to: 10 },
      { name: 'wait', from: 10, to: 30 },
      { name: 'evict', from: 30, to: 60 },
      { name: 'load', from: 60, to: 100 },
      { name: 'upstream', from: 101, to: 200 },
    ]);
  });

  test('of one that was refused while it waited', () => {
    expect(partsOf({ startedAt: 0, asked: 10, endedAt: 50 }, {})).toEqual([
      { name: 'route', from: 0, to: 10 },
      { name: 'wait', from: 10, to: 50 },
    ]);
  });

  test('of one that needs no card', () => {
    expect(partsOf({ startedAt: 0, sent: 3, endedAt: 50 }, { upstream: 9 })).toEqual([
      { name: 'route', from: 0, to: 3 },
      { name: 'upstream', from: 3, to: 50 },
    ]);
  });

  test('of one that was refused at once', () => {
    expect(partsOf({ startedAt: 0, endedAt: 2 }, {})).toEqual([{ name: 'route', from: 0, to: 2 }]);
  });
});

describe('spans are sent', () => {
  test.each([
    ['nowhere', undefined, {}, null],
    ['nowhere for an empty variable', undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, null],
    ['to the configured collector', 'http://a:4318', {}, 'http://a:4318/v1/traces'],
    ['to the collector of the environment', undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b:4318/' }, 'http://b:4318/v1/traces'],
    ['to that of the signal before', undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }, 'http://c/x'],
    ['to the collector where that of the signal is empty', undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b//', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: '' }, 'http://b/v1/traces'],
    ['to the configured one before both', 'http://a', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://b', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }, 'http://a/v1/traces'],
    ['nowhere where OpenTelemetry is switched off', 'http://a', { OTEL_SDK_DISABLED: 'true' }, null],
  ])('%s', (...[, configured, env, url]) => {
    expect(traceEndpoint(configured, env)).toBe(url);
  });
});
