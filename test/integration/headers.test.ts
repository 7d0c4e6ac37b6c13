import { afterEach, describe, expect, test } from '@jest/globals';
import { simpleConsumer, startBroker } from '../support/broker.ts';
import type { Broker, Settings } from '../support/broker.ts';
import type { FakeConsumer, RecordedRequest } from '../support/fake-consumer.ts';
import { request } from '../support/http.ts';
import { rawAnswer, rawAnswers, requestText } from '../support/raw-answer.ts';

let broker: Broker;
let fake: FakeConsumer;
afterEach(() => broker.stop());

async function start(settings: Settings = {}): Promise<void> {
  fake = await simpleConsumer();
  fake.on('GET /audio/*', (exchange) => exchange.send(200, 'RIFF', { 'Content-Type': 'audio/wav' }));
  broker = await startBroker({ consumers: { mvoice: { fake } }, settings: { audio_proxy: 'mvoice', ...settings } });
}

const host = () => `Host: 127.0.0.1:${broker.port}`;
/** What the consumer saw of one POST whose client sent these header lines. */
async function seenWith(...lines: readonly string[]): Promise<RecordedRequest> {
  const before = fake.jobs.length;
  const head = ['POST /v1/tts HTTP/1.1', host(), 'Content-Length: 2', ...lines];
  if (!lines.some((line) => line.startsWith('Connection:'))) head.push('Connection: close');
  const answer = await rawAnswer(broker.port, requestText(head, '{}'));
  expect(answer.status).toBe(200);
  return fake.waitFor((job) => job === fake.jobs[before]);
}

describe('headers towards the consumer', () => {
  test('are the client\'s own where they say what it wants', async () => {
    await start();
    const { headers } = await seenWith('Accept: audio/wav', 'Authorization: Bearer k', 'Cookie: a=b', 'User-Agent: curl/8', 'X-Custom: 1', 'X-Custom: 2');
    expect(headers).toMatchObject({ accept: 'audio/wav', authorization: 'Bearer k', cookie: 'a=b', 'user-agent': 'curl/8', 'x-custom': '1, 2' });
  });

  test('are without the hop-by-hop ones', async () => {
    await start();
    const names = ['Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'Proxy-Authenticate', 'TE', 'Trailer'];
    const { headers } = await seenWith(...names.map((name) => `${name}: x`));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(keep-alive|proxy-.*|te|trailer|upgrade)$/)]));
    expect(headers['connection']).toBe('keep-alive');
  });

  test('are without those that Connection names, in any case and place', async () => {
    await start();
    const { headers, body } = await seenWith('Connection: X-One ,close,x-TWO', 'X-One: 1', 'X-Two: 2', 'X-Three: 3');
    expect(headers).toMatchObject({ 'x-three': '3', connection: 'keep-alive' });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^x-(one|two)$/)]));
    expect(body?.toString()).toBe('{}');
  });

  test('keep length, host and our own names although Connection names them', async () => {
    await start();
    const { headers } = await seenWith('Connection: close, content-length, host, x-request-id, x-forwarded-for', 'X-Request-Id: mine');
    expect(headers).toMatchObject({
      'content-length': '2',
      host: `127.0.0.1:${fake.port}`,
      'x-request-id': 'mine',
      'x-forwarded-for': '127.0.0.1',
    });
  });

  test('name the consumer as host, and are without the Origin of our own pages', async () => {
    await start();
    const { headers } = await seenWith(`Origin: http://127.0.0.1:${broker.port}`, 'Sec-Fetch-Site: same-origin');
    expect(headers['host']).toBe(`127.0.0.1:${fake.port}`);
    expect(headers['origin']).toBeUndefined();
  });

  test('state who asks from the socket, whatever the client says of itself', async () => {
    await start();
    const { headers } = await seenWith(
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Server: evil',
      'X_Forwarded_For: 6.6.6.6',
      'X_Real_IP: 6.6.6.6',
      'Content_Length: 6.6.6.6',
      'Tailscale_User_Login: admin@x',
      'X-Real-IP: 6.6.6.6',
      'X-Client-IP: 6.6.6.6',
      'True-Client-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'Tailscale-User-Login: admin@x',
      'tailscale-user-name: Admin',
      'X-Consumer: other',
    );
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': `127.0.0.1:${broker.port}`,
      'x-forwarded-proto': 'http',
    });
    expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|evil|admin|https|other|x-forwarded-port/i);
  });

  test('hold neither Expect nor Prefer, which are meant for us', async () => {
    await start();
    const { headers } = await seenWith('Expect: 100-continue', 'Prefer: wait=5');
    expect([headers['expect'], headers['prefer']]).toEqual([undefined, undefined]);
  });

  test('hold no Upgrade, not even that of an HTTP/1.0 client or one that Connection does not name', async () => {
    await start();
    const old = await rawAnswer(broker.port, requestText(['POST /v1/tts HTTP/1.0', 'Content-Length: 2', 'Upgrade: websocket', 'Expect: 100-continue'], '{}'));
    expect(old.status).toBe(200);
    expect([fake.jobs[0]?.headers['upgrade'], fake.jobs[0]?.headers['expect']]).toEqual([undefined, undefined]);
    const { headers } = await seenWith('Upgrade: websocket');
    expect(headers['upgrade']).toBeUndefined();
  });

  test('are cleaned on ungated paths just the same', async () => {
    await start();
    const lines = ['GET /audio/a.wav HTTP/1.1', host(), 'Connection: close, X-One', 'X-One: 1', 'X-Real-IP: 6.6.6.6', 'Range: bytes=0-3', 'Upgrade: h2c'];
    expect((await rawAnswer(broker.port, requestText(lines))).status).toBe(200);
    const { headers } = await fake.waitFor(({ path }) => path === '/audio/a.wav');
    expect(headers).toMatchObject({ range: 'bytes=0-3', connection: 'keep-alive', host: `127.0.0.1:${fake.port}` });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(x-one|x-real-ip|upgrade)$/)]));
  });
});

describe('the request id', () => {
  test('is the client\'s if it is sane, for the consumer as for the client', async () => {
    await start();
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers: { 'X-Request-Id': 'job_7.a-B' } });
    expect(answer.headers['x-request-id']).toBe('job_7.a-B');
    expect(fake.jobs[0]?.headers['x-request-id']).toBe('job_7.a-B');
  });

  test.each(['', 'a b', 'a"b', '<x>', 'x'.repeat(129), 'a,b', '${x}'])('is ours if the client sent %j', async (id) => {
    await start();
    const { headers } = await seenWith(`X-Request-Id: ${id}`);
    expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });

  test('is ours if the client sent two', async () => {
    await start();
    const { headers } = await seenWith('X-Request-Id: a', 'X-Request-Id: b');
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('stands in our refusals too', async () => {
    await start();
    const answer = await request({ url: `${broker.url}/nothing`, headers: { 'X-Request-Id': 'lost.1' } });
    expect([answer.status, answer.headers['x-request-id']]).toEqual([404, 'lost.1']);
  });
});

describe('headers towards the client', () => {
  test('are the consumer\'s bytes, less hop-by-hop ones, those it nominates and those that are ours', async () => {
    await start();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      const head = ['HTTP/1.1 200 Fine', 'X-CaSe: kept', 'x-odd: a=1', 'X-Odd: b=2', 'Connection: keep-alive, X-Hop', 'X-Hop: 1'];
      const ours = ['Server-Timing: forged', 'X-Consumer: forged', 'X-Request-Id: forged', 'Keep-Alive: timeout=99', 'Proxy-Authenticate: forged', 'Upgrade: h2c'];
      await exchange.write(requestText([...head, ...ours, 'Content-Length: 2'], 'ok'));
    });
    const answer = await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {}, headers: { 'x-request-id': 'one' } });
    expect([answer.status, answer.body]).toEqual([200, 'ok']);
    expect(answer.headers).toMatchObject({ 'x-case': 'kept', 'x-odd': 'a=1, b=2', 'x-consumer': 'mvoice', 'x-request-id': 'one' });
    expect(answer.headers['server-timing']).toMatch(/^queue;dur=[\d.]+, upstream;dur=[\d.]+$/);
    expect(Object.keys(answer.headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(x-hop|proxy-authenticate|upgrade)$/)]));
    expect(answer.headers['keep-alive'] ?? '').not.toContain('99');
  });

  test('hold nothing that only concerns browsers, but for the cookies of a page behind a door', async () => {
    await start();
    const own = { Server: 'uvicorn', 'X-Powered-By': 'PHP', 'Access-Control-Allow-Origin': '*' };
    const binding = { 'Strict-Transport-Security': 'max-age=1', 'Service-Worker-Allowed': '/', 'Clear-Site-Data': '"*"', 'Alt-Svc': 'h3=":443"' };
    const odd = { 'Set-Cookie': 'a=1', ...own, ...binding };
    fake.on('GET /page', (exchange) => exchange.send(200, 'page', odd), { gpu: false });
    fake.on('GET /audio/*', (exchange) => exchange.send(200, 'audio', odd), { gpu: false });
    const names = (answer: { headers: object }): string[] => Object.keys(answer.headers).filter((name) => Object.keys(odd).some((each) => each.toLowerCase() === name));
    expect(names(await request({ url: `${broker.url}/audio/a.wav` }))).toEqual([]);
    expect(names(await request({ url: `${broker.url}/upstream/mvoice/page` }))).toEqual(['set-cookie']);
  });

  test('state no queue time for what passes no queue', async () => {
    await start();
    const answer = await request({ url: `${broker.url}/audio/a.wav` });
    expect(answer.headers['server-timing']).toMatch(/^upstream;dur=[\d.]+$/);
    expect(answer.headers['x-consumer']).toBe('mvoice');
  });

  test('hold no trailers and one framing only, however the consumer framed its answer', async () => {
    await start();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.write(requestText(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Late'], '2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n'));
    });
    const answer = await rawAnswer(broker.port, requestText(['POST /v1/tts HTTP/1.1', host(), 'Content-Length: 0', 'Connection: close']));
    expect(answer).toMatchObject({ status: 200, body: 'ok' });
    expect([answer.headers['content-length'], answer.headers['trailer']]).toEqual([undefined, undefined]);
  });
});

describe('a client that wants its connection closed', () => {
  test('gets that, and the connections to the consumer live on', async () => {
    // One probe, so that every further connection is one for work.
    await start({ health: { interval: '1h' } });
    await request({ url: `${broker.url}/v1/tts`, method: 'POST', body: {} });
    const { connections } = fake;
    for (let round = 0; round < 3; round += 1) {
      const answer = await rawAnswer(broker.port, requestText(['POST /v1/tts HTTP/1.1', host(), 'Connection: close', 'Content-Length: 2'], '{}'));
      expect([answer.status, answer.headers['connection']]).toEqual([200, 'close']);
      expect((await fake.waitFor(round + 2)).headers['connection']).toBe('keep-alive');
    }
    expect(fake.connections).toBe(connections);
  });

  test('is not closed upon by a consumer that closes its own', async () => {
    await start();
    fake.on('POST /work', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {}, { Connection: 'close' });
      exchange.fin();
    });
    const one = ['POST /v1/tts HTTP/1.1', host(), 'Content-Length: 2'];
    const bytes = Buffer.concat([requestText(one, '{}'), requestText([...one, 'Connection: close'], '{}')]);
    const answers = await rawAnswers(broker.port, bytes);
    expect(answers.map(({ status, headers }) => [status, headers['connection']])).toEqual([[200, 'keep-alive'], [200, 'close']]);
  });
});
