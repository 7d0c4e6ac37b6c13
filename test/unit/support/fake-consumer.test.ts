import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FakeConsumer } from '../../support/fake-consumer.ts';
import { openRequest, openUpload, rawRequest, request } from '../../support/http.ts';

let consumer: FakeConsumer;
let heldMib: number | undefined;

beforeEach(async () => {
  const memory = { hold: (mib: number): void => void (heldMib = mib) };
  consumer = await FakeConsumer.start({ loadedMib: 2800, unloadedMib: 9, memory });
});
afterEach(() => consumer.stop());

describe('requests', () => {
  test('a body with a length and a chunked body are both read and recorded', async () => {
    consumer.on('POST /inference', async (exchange) => {
      const first = await exchange.readBody(3);
      const rest = await exchange.readBody();
      await exchange.json(200, [first.toString(), rest.toString()]);
    });
    const url = `${consumer.url}/inference?x=1`;
    const whole = await request({ url, method: 'POST', body: 'abcdef' });
    const upload = openUpload(url);
    upload.request.write('abc');
    upload.request.end('def');
    const chunked = await upload.ended;
    expect([whole.body, chunked.body]).toEqual(['["abc","def"]', '["abc","def"]']);
    expect(consumer.jobs.map(({ body }) => body?.toString())).toEqual(['abcdef', 'abcdef']);
    expect(consumer.jobs[1]).toMatchObject({ method: 'POST', path: '/inference?x=1', headers: { 'transfer-encoding': 'chunked' } });
    expect(consumer.errors).toEqual([]);
  });

  test('a body with two lengths is reported', async () => {
    consumer.on('POST /x', async (exchange) => {
      await exchange.readBody();
      await exchange.json(200, {});
    });
    await rawRequest(consumer.port, 'POST /x HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n');
    expect(consumer.errors.map(String)).toContain('Error: both Content-Length and Transfer-Encoding');
  });

  test('a connection is used again, and closed when it is idle', async () => {
    const quick = await FakeConsumer.start({ keepAliveMs: 1 });
    const probe = 'GET /health HTTP/1.1\r\n\r\n';
    const bytes = await rawRequest(quick.port, probe + probe);
    expect(bytes.toString().match(/200 OK/g)).toHaveLength(2);
    expect(quick.connections).toBe(1);
    await quick.stop();
  });

  test('a path nobody has scripted is 404, and a wildcard matches a rest', async () => {
    consumer.on('GET /audio/*', (exchange) => exchange.send(200, 'RIFF'));
    expect((await request({ url: `${consumer.url}/nope` })).status).toBe(404);
    expect((await request({ url: `${consumer.url}/audio/1.wav` })).body).toBe('RIFF');
    const head = await request({ url: `${consumer.url}/health`, method: 'HEAD' });
    expect(head.status).toBe(404);
  });
});

describe('work', () => {
  test('counts what is under way until its script ends', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    consumer.on('POST /work', async (exchange) => {
      await exchange.delay(promise);
      await exchange.json(200, {});
    });
    const both = [1, 2].map(() => openRequest({ url: `${consumer.url}/work`, method: 'POST' }));
    await consumer.waitFor(2);
    await request({ url: `${consumer.url}/health` });
    expect([consumer.active, consumer.peakActive, consumer.requests.length]).toEqual([2, 2, 3]);
    resolve(undefined);
    await Promise.all(both.map(({ ended }) => ended));
    await consumer.waitFor((seen) => seen === consumer.jobs[1] && seen.endedAt !== undefined);
    expect([consumer.active, consumer.peakActive]).toEqual([0, 2]);
    expect(consumer.jobs[0]?.aborted).toBe(false);
  });

  test('a client that leaves ends a waiting script and is noted', async () => {
    consumer.on('POST /work', (exchange) => exchange.never());
    const open = openRequest({ url: `${consumer.url}/work`, method: 'POST' });
    await consumer.waitFor(1);
    open.abort();
    const seen = await consumer.waitFor(({ aborted }) => aborted === true);
    expect(seen.path).toBe('/work');
    expect(consumer.active).toBe(0);
    await expect(open.ended).rejects.toThrow();
  });

  test('waiting for what does not come says what was seen', async () => {
    await request({ url: `${consumer.url}/health` });
    await expect(consumer.waitFor(1, 20)).rejects.toThrow('seen: GET /health (ended)');
  });
});

describe('answers', () => {
  test('a stream that is cut is incomplete for the client', async () => {
    consumer.on('POST /stream', async (exchange) => {
      await exchange.beginChunks();
      await exchange.chunk('one');
      exchange.rst();
    });
    const open = openRequest({ url: `${consumer.url}/stream`, method: 'POST' });
    const answer = await open.ended.catch(() => null);
    // The reset may overtake the head.
    if (answer !== null) expect(answer).toMatchObject({ status: 200, complete: false });
    expect(consumer.jobs[0]?.aborted).toBe(false);
  });

  test('an end before the declared length is incomplete as well', async () => {
    consumer.on('POST /short', async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfour');
      exchange.fin();
    });
    const answer = await request({ url: `${consumer.url}/short`, method: 'POST' });
    expect(answer).toMatchObject({ status: 200, body: 'four', complete: false });
  });

  test('bytes drip as fast as a fact lets them', async () => {
    let steps = 0;
    consumer.on('POST /drip', async (exchange) => {
      await exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n');
      await exchange.drip('abc', () => Promise.resolve((steps += 1)));
    });
    const answer = await request({ url: `${consumer.url}/drip`, method: 'POST' });
    expect(answer).toMatchObject({ body: 'abc', complete: true });
    expect(steps).toBe(3);
  });

  test('a script that fails or forgets to answer is reported', async () => {
    consumer.on('POST /throws', () => {
      throw new Error('no such file');
    });
    consumer.on('POST /forgets', () => undefined);
    expect((await request({ url: `${consumer.url}/throws`, method: 'POST' })).status).toBe(500);
    expect((await request({ url: `${consumer.url}/forgets`, method: 'POST' })).status).toBe(500);
    expect(consumer.errors.map(String)).toEqual(['Error: no such file', 'Error: the script of POST /forgets ended without an answer']);
  });
});

test('an answer before the body was read arrives whole', async () => {
  consumer.on('POST /upload', async (exchange) => {
    await exchange.json(413, { error: 'too large' });
    exchange.fin();
  });
  const open = openUpload(`${consumer.url}/upload`, { 'content-length': 10_000_000 });
  open.request.on('error', () => undefined);
  open.request.write(Buffer.alloc(1_000_000));
  expect(await open.ended).toMatchObject({ status: 413, complete: true });
  open.abort();
});

describe('health and residency', () => {
  const post = (path: string): Promise<{ status: number }> => request({ url: consumer.url + path, method: 'POST' });

  test('health answers what it is told', async () => {
    const url = `${consumer.url}/health`;
    expect((await request({ url })).body).toBe('{"status":"ok"}');
    consumer.residency.health = { status: 503, body: { status: 'loading' } };
    expect((await request({ url })).status).toBe(503);
    consumer.residency.health = 'cut';
    await expect(request({ url })).rejects.toThrow();
    consumer.residency.health = 'hang';
    const open = openRequest({ url });
    await consumer.waitFor((seen) => seen === consumer.requests[3]);
    open.abort();
    await consumer.waitFor(({ aborted }) => aborted === true);
  });

  test('load and unload move memory', async () => {
    expect([consumer.loaded, heldMib]).toEqual([true, 2800]);
    expect((await post('/unload')).status).toBe(200);
    expect([consumer.loaded, heldMib]).toEqual([false, 9]);
    expect((await post('/load')).status).toBe(200);
    expect([consumer.loaded, heldMib]).toEqual([true, 2800]);
    expect(consumer.jobs).toEqual([]);
  });

  test('hooks can lie, fail and be late', async () => {
    consumer.residency.unload = 'lie';
    expect((await post('/unload')).status).toBe(200);
    consumer.residency.unload = 'error';
    expect((await post('/unload')).status).toBe(500);
    expect(heldMib).toBe(2800);
    const late = Promise.withResolvers<undefined>();
    consumer.residency.unload = { effectAfter: late.promise };
    expect((await post('/unload')).status).toBe(200);
    expect(heldMib).toBe(2800);
    late.resolve(undefined);
    await late.promise;
    expect(heldMib).toBe(9);
    consumer.residency.load = { answerAfter: late.promise };
    expect((await post('/load')).status).toBe(200);
    expect(heldMib).toBe(2800);
  });
});

test('a refusing consumer cannot be connected to until it listens again', async () => {
  const url = `${consumer.url}/health`;
  consumer.refuse();
  await expect(request({ url })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await consumer.listenAgain();
  expect((await request({ url })).status).toBe(200);
});
