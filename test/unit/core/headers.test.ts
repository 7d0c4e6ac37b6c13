import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isForwarded, namedBy, requestedWaitMs, returnedHeaders, saneRequestId, serverTiming } from '../../../lib/core/headers.ts';

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

describe('a header of the client', () => {
  test.each(HOP_BY_HOP)('%s is hop-by-hop and stays here', (name) => {
    expect(isForwarded(name, new Set())).toBe(false);
  });
  test.each(['x-http-method', 'x-http-method-override', 'x_http_method_override', 'x-method-override', 'x-original-url', 'x-rewrite-url'])('%s could make another request of it and stays here', (name) => {
    expect(isForwarded(name, new Set())).toBe(false);
  });
  test.each(['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'tailscale-user-login', 'x-forwarded-user', 'x_forwarded_for', 'x_real_ip', 'tailscale_user_login', 'content_length', 'transfer_encoding'])(
    '%s could forge an identity and stays here',
    (name) => {
      expect(isForwarded(name, new Set())).toBe(false);
    },
  );
  test.each(['host', 'origin', 'expect', 'prefer', 'x-request-id', 'x-consumer', 'x-gpu-lease', 'x_gpu_lease'])('%s is ours to state or to obey and stays here', (name) => {
    expect(isForwarded(name, new Set())).toBe(false);
  });
  test.each(['accept', 'authorization', 'content-length', 'content-type', 'cookie', 'range', 'user-agent', 'x-stainless-timeout', 'x-own', 'x_own', 'not-x-forwarded-for', 'my-tailscale-name'])('%s goes on', (name) => {
    expect(isForwarded(name, new Set())).toBe(true);
  });
  test('that the client has nominated in Connection stays here', () => {
    expect(isForwarded('x-own', namedBy('close, X-Own'))).toBe(false);
  });
});

describe('Connection', () => {
  test.each([
    [undefined, []],
    ['keep-alive', []],
    ['close', []],
    ['X-A , x-b', ['x-a', 'x-b']],
    ['Content-Length, Host, X-A', ['x-a']],
  ])('%j nominates %j', (connection, names) => {
    expect([...namedBy(connection)].filter((name) => !HOP_BY_HOP.includes(name) && name !== 'close')).toEqual(names);
  });
});

const PLAIN = { connection: undefined, keepsCookies: true };

describe('of a consumer, the client gets', () => {
  test('every header as it was written, also twice', () => {
    const raw = ['Content-Type', 'audio/wav', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Odd', ''];
    expect(returnedHeaders(raw, PLAIN)).toEqual(raw);
  });
  test.each(HOP_BY_HOP)('no %s', (name) => {
    expect(returnedHeaders([name.toUpperCase(), 'x', 'A', 'b'], PLAIN)).toEqual(['A', 'b']);
  });
  test('nothing that only we may state', () => {
    expect(returnedHeaders(['X-Request-Id', 'forged', 'X-Consumer', 'other', 'Server-Timing', 'x;dur=1', 'A', 'b'], PLAIN)).toEqual(['A', 'b']);
  });
  test.each(['Access-Control-Allow-Origin', 'access-control-allow-credentials', 'ACCESS-CONTROL-EXPOSE-HEADERS', 'Access-Control-Max-Age', 'Access-Control-Allow-Private-Network'])(
    'no %s: which pages may read us is ours to say',
    (name) => {
      expect(returnedHeaders(['A', 'b', name, '*', 'Vary', 'Origin'], PLAIN)).toEqual(['A', 'b', 'Vary', 'Origin']);
    },
  );
  test.each(['Server', 'x-powered-by', 'Strict-Transport-Security', 'Service-Worker-Allowed', 'Clear-Site-Data', 'Alt-Svc'])('no %s', (name) => {
    expect(returnedHeaders([name, 'x', 'A', 'b'], PLAIN)).toEqual(['A', 'b']);
  });
  test('its cookies only where its page has a door', () => {
    expect(returnedHeaders(['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'A', 'b'], { ...PLAIN, keepsCookies: false })).toEqual(['A', 'b']);
  });
  test('nothing that the consumer has nominated, but always the length', () => {
    expect(returnedHeaders(['Content-Length', '3', 'X-Hop', '1', 'A', 'b'], { ...PLAIN, connection: 'x-hop, content-length' })).toEqual(['Content-Length', '3', 'A', 'b']);
  });
  test('pairs, whatever comes', () => {
    fc.assert(fc.property(fc.array(fc.string()), fc.option(fc.string(), { nil: undefined }), (raw, connection) => returnedHeaders(raw, { ...PLAIN, connection }).length % 2 === 0));
  });
});

describe('a request id', () => {
  test.each(['a', 'A-b_c.9', 'x'.repeat(128)])('%j is used', (id) => {
    expect(saneRequestId(id)).toBe(id);
  });
  test.each([undefined, '', 'a b', 'a\nb', 'ä', 'a"', 'x'.repeat(129), ['a']])('%j is not', (id) => {
    expect(saneRequestId(id)).toBeNull();
  });
});

describe('a client that sends', () => {
  test.each([
    [{}, null],
    [{ prefer: 'wait=10' }, 10_000],
    [{ prefer: 'respond-async, wait=10' }, 10_000],
    [{ prefer: 'wait=10; x=1, respond-async' }, 10_000],
    [{ prefer: 'Wait = "10"' }, 10_000],
    [{ prefer: 'wait=0' }, 0],
    [{ prefer: 'wait=-1' }, null],
    [{ prefer: 'wait=1.5' }, null],
    [{ prefer: 'wait=soon' }, null],
    [{ prefer: 'await=10' }, null],
    [{ prefer: 'wait=99999999999' }, null],
    [{ 'x-stainless-timeout': '60' }, 60_000],
    [{ 'x-stainless-timeout': '0.5' }, 500],
    [{ 'x-stainless-timeout': '0.25' }, 250],
    [{ 'x-stainless-timeout': '60x' }, null],
    [{ 'x-stainless-timeout': '-1' }, null],
    [{ 'x-stainless-timeout': 'NaN' }, null],
    [{ 'x-stainless-timeout': '' }, null],
    [{ prefer: 'wait=10', 'x-stainless-timeout': '5' }, 5000],
    [{ prefer: 'wait=5', 'x-stainless-timeout': '10' }, 5000],
  ])('%j waits at most %j ms', (headers, ms) => {
    expect(requestedWaitMs(headers)).toBe(ms);
  });

  test('anything at all gets a time that is sensible, or none', () => {
    const text = fc.string({ unit: fc.constantFrom('w', 'a', 'i', 't', '=', '1', '9', '.', '-', ' ', ',', ';', '"', 'e') });
    fc.assert(
      fc.property(text, text, (prefer, stainless) => {
        const ms = requestedWaitMs({ prefer, 'x-stainless-timeout': stainless });
        expect(ms === null || (Number.isFinite(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});

describe('Server-Timing', () => {
  test('states the stages that applied, in the order in which they happen', () => {
    expect(serverTiming({ upstream: 12.345, queue: 0, load: 1000, evict: 20.04 })).toBe('queue;dur=0.0, evict;dur=20.0, load;dur=1000.0, upstream;dur=12.3');
  });
  test('leaves out what did not happen', () => {
    expect(serverTiming({ queue: 1 })).toBe('queue;dur=1.0');
    expect(serverTiming({})).toBe('');
  });
});
