import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker } from '../support/broker.ts';
import { disguisePeers } from '../support/disguise.ts';
import { request } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { keyEntry } from '../support/keys.ts';
import { RawClient } from '../support/raw-client.ts';

const ADMIN = 'admin-key-1';
const LAN = '127.0.3.1';
/** All that a browser loads for the page, compressed. */
const MOST_BYTES = 80 * 1024;

let broker: Broker;
let reveal: () => void;
beforeAll(async () => {
  reveal = disguisePeers();
  const fake = await simpleConsumer();
  const keys = [keyEntry('owner', ADMIN, ['infer', 'read', 'admin'])];
  broker = await startBroker({ consumers: { one: { fake, settings: { load: { path: '/work' } } } }, settings: { access: { allow: ['any'], keys } } });
});
afterAll(async () => {
  await broker.stop();
  reveal();
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> => request({ url: broker.url + path, method, headers });

/** The page and everything that it names, and that those name, by path. */
async function wholePage(coding: string): Promise<Map<string, Answer>> {
  const found = new Map<string, Answer>();
  const load = async (path: string): Promise<void> => {
    if (found.has(path)) return;
    const answer = await get(path, { 'Accept-Encoding': coding });
    expect([path, answer.status]).toEqual([path, 200]);
    found.set(path, answer);
    const named = code(answer).matchAll(/(?:\b(?:from|import)\s*|\b(?:href|src)=)["']((?:\.{0,2}\/)[^"']+)["']/g);
    for (const [, name = ''] of named) await load(new URL(name, broker.url + path).pathname);
  };
  await load('/ui');
  return found;
}

/** Without the comments, which name types. */
function code(answer: Answer): string {
  return decoded(answer).replaceAll(/\/\*\*.*?\*\//gs, '');
}

function decoded({ bytes, headers }: Answer): string {
  const coding = headers['content-encoding'];
  return (coding === 'br' ? brotliDecompressSync(bytes) : coding === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
}

describe('the dashboard', () => {
  test.each(['br', 'gzip'])('is at most 80 KiB in all, sent as %s', async (coding) => {
    const files = [...(await wholePage(coding)).values()];
    expect(files.length).toBeGreaterThan(25);
    for (const { headers } of files) expect(headers['content-encoding']).toBe(coding);
    expect(files.reduce((total, { bytes }) => total + bytes.length, 0)).toBeLessThan(MOST_BYTES);
  });

  test('names nothing that a browser could not load: every import is a path, and no source map is asked for', async () => {
    for (const [path, answer] of await wholePage('identity')) {
      const text = code(answer);
      expect(text).not.toMatch(/sourceMappingURL/);
      const names = [...text.matchAll(/^\s*import .*?from\s*'([^']+)'|\bfrom"([^"]+)"/gm)].map(([, plain, small]) => plain ?? small);
      expect([path, names.filter((name) => name?.startsWith('.') === false && !name.startsWith('/ui/'))]).toEqual([path, []]);
    }
  });

  test('comes as it is to whoever takes no coding, and says what it depends on', async () => {
    const plain = await get('/ui');
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.headers['vary']).toBe('Accept-Encoding');
    expect(plain.body).toContain('<div id="app"></div>');
    const small = await get('/ui', { 'Accept-Encoding': 'gzip, deflate, br;q=0' });
    expect([small.headers['content-encoding'], decoded(small)]).toEqual(['gzip', plain.body]);
  });

  test('lets nothing in from elsewhere and nothing that is written inline', async () => {
    const { headers, body } = await get('/ui');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
    expect(body).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?:\/\/(?!www\.w3\.org)/);
  });

  test('is asked for again with its tag, one for each coding, and then not sent again', async () => {
    const first = await get('/ui/app.js', { 'Accept-Encoding': 'br' });
    const tag = String(first.headers['etag']);
    expect(tag).toBe(`"${createHash('sha256').update(brotliDecompressSync(first.bytes)).digest('base64url').slice(0, 22)}-br"`);
    const again = await get('/ui/app.js', { 'Accept-Encoding': 'br', 'If-None-Match': tag });
    expect([again.status, again.body, again.headers['etag'], again.headers['vary']]).toEqual([304, '', tag, 'Accept-Encoding']);
    expect((await get('/ui/app.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': tag })).status).toBe(200);
  });

  test('answers HEAD with the length, and says that there is nothing else', async () => {
    const [head, got] = [await get('/ui', {}, 'HEAD'), await get('/ui')];
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', String(got.bytes.length)]);
    for (const path of ['/ui/none.js', '/ui/tsconfig.json', '/ui/types.ts', '/ui/../package.json', '/ui/__proto__', '/uix']) {
      const answer = await get(path);
      expect([path, answer.status >= 400, JSON.parse(answer.body).retryable]).toEqual([path, true, false]);
    }
    const posted = await get('/ui', {}, 'POST');
    expect([posted.status, posted.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });
});

/** Asks from an address of this machine, with these header lines. */
async function ask(begin: string, lines: readonly string[], from = '127.0.0.1'): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }> {
  const client = await RawClient.open(broker.port, { localAddress: from });
  client.send([`${begin} HTTP/1.1`, 'Connection: close', 'Content-Length: 0', ...lines, '', ''].join('\r\n'));
  const answer = await client.answer();
  client.socket.destroy();
  if (answer === null) throw new Error(`no answer to ${begin}`);
  return answer;
}

describe('somebody who comes with a browser', () => {
  const BROWSER = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8';

  test('is sent to it from /, before any key is asked for', async () => {
    for (const from of ['127.0.0.1', LAN]) {
      const answer = await ask('GET /', ['Host: localhost', BROWSER, 'Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'], from);
      expect([answer.status, answer.headers['location']]).toEqual([302, '/ui']);
      expect((await ask('GET /ui', ['Host: localhost'], from)).status).toBe(200);
    }
  });

  test('is told apart from programs, who get what they always got', async () => {
    for (const accept of [[], ['Accept: */*'], ['Accept: application/json']]) expect((await ask('GET /', ['Host: localhost', ...accept])).body).toMatch(/^mGPUmanager: /);
    expect((await ask('GET /', ['Host: localhost', 'Accept: */*'], LAN)).status).toBe(401);
    expect((await ask('POST /', ['Host: localhost', BROWSER])).status).toBe(405);
  });
});

describe('an order from a page', () => {
  const OWN = ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors', 'Referer: http://localhost/ui'];
  const KEY = `Authorization: Bearer ${ADMIN}`;
  const statusOf = async (begin: string, lines: readonly string[], from?: string): Promise<number> => (await ask(begin, lines, from)).status;

  test.each([
    ['POST /v1/consumers/one/load', 200],
    ['POST /v1/resume', 200],
    // The server has no such path; that it was asked is what counts.
    ['DELETE /upstream/one/x', 404],
  ])('of ours is obeyed with a key of scope admin, and not without: %s', async (begin, status) => {
    for (const from of ['127.0.0.1', LAN]) {
      const own = ['Host: localhost', 'Origin: http://localhost', ...OWN];
      expect(await statusOf(begin, [...own, KEY], from)).toBe(status);
      expect(await statusOf(begin, own, from)).toBe(401);
      expect(await statusOf(begin, [...own, 'Authorization: Bearer wrong'], from)).toBe(401);
    }
  });

  test('of another origin never is, whatever it brings', async () => {
    for (const origin of ['http://evil.example', 'http://localhost:1', 'https://localhost.evil.example', 'null']) {
      const lines = ['Host: localhost', `Origin: ${origin}`, 'Sec-Fetch-Site: cross-site', KEY];
      expect([origin, await statusOf('POST /v1/resume', lines)]).toEqual([origin, 403]);
      expect([origin, await statusOf('DELETE /upstream/one/x', lines)]).toEqual([origin, 403]);
    }
    expect(await statusOf('POST /v1/resume', ['Host: localhost', 'Sec-Fetch-Site: same-site', KEY])).toBe(403);
  });

  test('under a name that is not ours is not, though its origin is that name', async () => {
    expect(await statusOf('POST /v1/resume', ['Host: evil.example', 'Origin: http://evil.example', ...OWN, KEY])).toBe(421);
  });
});

afterEach(() => expect(broker.logger.lines.filter(({ level }) => level === 'error')).toEqual([]));
