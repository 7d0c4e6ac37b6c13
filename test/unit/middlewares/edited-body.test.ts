import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Splice } from '../../../lib/core/body-edits.ts';
import { BodyCollector } from '../../../lib/middlewares/body-collector.ts';
import type { BodyIntake } from '../../../lib/middlewares/body-collector.ts';
import { editedBody } from '../../../lib/middlewares/edited-body.ts';
import { Spool } from '../../../lib/middlewares/spool.ts';
import type { TakenBody } from '../../../lib/middlewares/taken-body.ts';
import { openSpoolFiles } from '../../support/open-files.ts';
import { spliced } from '../../support/scanned.ts';
import { until } from '../../support/until.ts';

const SMALL = Buffer.from('{"model":"a","stream":true}');
const LARGE = randomBytes(3 * 1024 * 1024 + 17);
const LIMITS: BodyIntake = { body: 16 * 1024 * 1024, spool: 64 * 1024 * 1024, idleMs: 10_000, totalMs: 10_000 };

const spool = new Spool();
const server = http.createServer();
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => void server.close());

const bodies: TakenBody[] = [];
afterEach(async () => {
  for (const body of bodies.splice(0)) body.discard();
  await until(() => openSpoolFiles() === 0 && spool.used === 0);
});

function port(): number {
  const address = server.address();
  return typeof address === 'object' ? address?.port ?? 0 : 0;
}

/** The next request that arrives. */
function arrival(): Promise<{ req: IncomingMessage; res: ServerResponse }> {
  return new Promise((resolve) => server.once('request', (req, res) => resolve({ req, res })));
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve) => request.once('response', (answer) => resolve(answer.resume())));
}

/** The body as it is taken in from a client. */
async function taken(bytes: Buffer, scanner?: BodyIntake['scanner']): Promise<TakenBody> {
  const request = http.request({ port: port(), method: 'POST' }).end(bytes);
  const { req, res } = await arrival();
  const body = await new BodyCollector(req, { ...LIMITS, scanner: scanner ?? null }, spool).collect();
  bodies.push(body);
  res.end();
  await answerTo(request);
  return body;
}

/** All that is sent to a destination. */
function sent(body: TakenBody): Promise<Buffer> {
  const destination = new PassThrough();
  body.sendTo(destination);
  return buffer(destination);
}

const text = (bytes: string): Uint8Array => Buffer.from(bytes);
/** In the first chunk, over the borders of several, and at both ends. */
const SPLICES: readonly Splice[] = [
  { start: 0, end: 0, bytes: text('before') },
  { start: 10, end: 20, bytes: text('longer than it was') },
  { start: 20, end: 21, bytes: text('') },
  { start: 65_530, end: 200_000, bytes: text('x') },
  { start: 262_144, end: 262_144, bytes: text('y') },
  { start: 1_000_000, end: 1_000_000 + 65_536, bytes: text('') },
  { start: LARGE.length - 1, end: LARGE.length, bytes: text('') },
  { start: LARGE.length, end: LARGE.length, bytes: text('after') },
];

describe.each([['in memory', SMALL], ['on disk', LARGE]])('a body %s', (_where, bytes) => {
  test('is seen whole and in order by its scanner while it is taken in', async () => {
    const seen: Uint8Array[] = [];
    await taken(bytes, { feed: (chunk) => void seen.push(Uint8Array.from(chunk)) });
    expect(Buffer.concat(seen).equals(bytes)).toBe(true);
  });

  test('can be read, as often as one likes, and is too large for a lower limit', async () => {
    const body = await taken(bytes);
    expect((await body.read(bytes.length))?.equals(bytes)).toBe(true);
    expect((await body.read(bytes.length))?.equals(bytes)).toBe(true);
    expect(await body.read(bytes.length - 1)).toBeNull();
  });

  test('with splices at its ends is sent and read with them, and by itself without', async () => {
    const splices = [{ start: 0, end: 3, bytes: text('new') }, { start: bytes.length, end: bytes.length, bytes: text('end') }];
    const body = await taken(bytes);
    const edited = editedBody(body, splices);
    const expected = spliced(bytes, splices);
    expect(edited.length).toBe(expected.length);
    expect((await sent(edited)).equals(expected)).toBe(true);
    expect((await edited.read(expected.length))?.equals(expected)).toBe(true);
    expect(await edited.read(expected.length - 1)).toBeNull();
    expect((await sent(body)).equals(bytes)).toBe(true);
    expect(edited.peek()).toBe(body.peek());
  });

  test('without splices is the same body', async () => {
    const body = await taken(bytes);
    expect(editedBody(body, [])).toBe(body);
  });
});

test('splices over the borders of chunks stand where they should', async () => {
  const edited = editedBody(await taken(LARGE), SPLICES);
  expect((await sent(edited)).equals(spliced(LARGE, SPLICES))).toBe(true);
  expect((await edited.read(LARGE.length))?.equals(spliced(LARGE, SPLICES))).toBe(true);
});

test('any splices in a body of any chunks stand where they should', async () => {
  const anyPieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 9 }), fc.boolean(), fc.uint8Array({ maxLength: 5 })), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyPieces, fc.integer({ min: 1, max: 12 }), async (pieces, chunkLength) => {
      const bytes = Buffer.concat(pieces.map(([piece]) => piece));
      let end = 0;
      const splices = pieces.map(([piece, isCut, put]) => {
        end += piece.length;
        return { start: isCut ? end - piece.length : end, end, bytes: put };
      });
      const chunks = Array.from({ length: Math.ceil(bytes.length / chunkLength) }, (_, at) => bytes.subarray(at * chunkLength, (at + 1) * chunkLength));
      const edited = editedBody(inChunks(bytes.length, chunks), splices);
      const result = await sent(edited);
      expect(result.equals(spliced(bytes, splices))).toBe(true);
      expect(edited.length).toBe(result.length);
    }),
  );
});

function inChunks(length: number, chunks: readonly Buffer[]): TakenBody {
  return {
    length,
    sendTo: (destination) => {
      for (const chunk of chunks) destination.write(chunk);
      destination.end();
    },
    peek: () => '',
    read: async () => Buffer.concat(chunks),
    discard: () => undefined,
  };
}

describe('an edited body on disk', () => {
  test('waits for a destination that takes no more', async () => {
    const body = await taken(LARGE);
    const released = Promise.withResolvers<undefined>();
    let got = 0;
    const destination = new Writable({
      highWaterMark: 1024,
      write: (chunk: Buffer, _encoding, done) => {
        got += chunk.length;
        void released.promise.then(() => done());
      },
    });
    const read = { bytes: 0 };
    editedBody(watched(body, read), [{ start: 0, end: 1, bytes: text('x') }]).sendTo(destination);
    await until(() => got > 0);
    // Time in which all of the file could be read several times.
    for (let times = 0; times < 5; times += 1) await body.read(LARGE.length);
    expect(read.bytes).toBeLessThan(LARGE.length / 2);
    released.resolve(undefined);
    await once(destination, 'finish');
    expect(got).toBe(LARGE.length);
  });

  test('is read no further when its destination breaks, and its file is closed', async () => {
    const body = await taken(LARGE);
    const destination = new Writable({ write: (_chunk, _encoding, done) => done(new Error('broken')) });
    const broken = closed(destination);
    editedBody(body, SPLICES).sendTo(destination);
    await broken;
    body.discard();
    await until(() => openSpoolFiles() === 0);
  });

  test('that is discarded while it is sent is sent to its end', async () => {
    const edited = editedBody(await taken(LARGE), SPLICES);
    const sending = sent(edited);
    edited.discard();
    expect((await sending).equals(spliced(LARGE, SPLICES))).toBe(true);
  });

  test('that has been discarded breaks its destination, and cannot be read', async () => {
    const body = await taken(LARGE);
    const edited = editedBody(body, SPLICES);
    edited.discard();
    const destination = new PassThrough();
    const broken = closed(destination);
    edited.sendTo(destination);
    await broken;
    await expect(edited.read(LARGE.length)).rejects.toThrow();
    await expect(body.read(LARGE.length)).rejects.toThrow('has been closed');
  });

  test('is sent to a consumer with its length', async () => {
    const edited = editedBody(await taken(LARGE), SPLICES);
    const request = http.request({ port: port(), method: 'POST', headers: { 'content-length': edited.length } });
    edited.sendTo(request);
    const { req, res } = await arrival();
    expect((await buffer(req)).equals(spliced(LARGE, SPLICES))).toBe(true);
    res.end();
    expect((await answerTo(request)).statusCode).toBe(200);
  });
});

/** Resolves once it is closed, with whatever error. */
function closed(stream: Writable): Promise<void> {
  stream.on('error', () => undefined);
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

/** The body, and how much of it has been taken from it. */
function watched(body: TakenBody, read: { bytes: number }): TakenBody {
  return {
    ...body,
    sendTo: (destination) => {
      const counting = new PassThrough({ highWaterMark: 1024 });
      counting.on('data', (chunk: Buffer) => (read.bytes += chunk.length));
      counting.pipe(destination);
      body.sendTo(counting);
    },
  };
}
