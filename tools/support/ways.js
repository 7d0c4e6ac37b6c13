import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

const ANSWER = Buffer.from(JSON.stringify({ object: 'soak', text: 'a small answer', usage: { total_tokens: 3 } }));
const JSON_HEADERS = { 'Content-Type': 'application/json', 'Content-Length': ANSWER.length };
const EVENT = `data: ${JSON.stringify({ choices: [{ delta: { content: 'word ' } }] })}\n\n`;
const EVENTS = 12;
const CHUNK = Buffer.alloc(64 * 1024, 'x');
/** 2 MiB, and more than the buffers of all sockets on the way. */
const [BIG, HUGE] = [32, 256];

/** The ways in which a fake answers, by the value of X-Fake. They reject when the client is gone. */
export const ways = {
  async whole(req, res) {
    await bodyIn(req);
    res.writeHead(200, JSON_HEADERS).end(ANSWER);
  },

  async slow(req, res) {
    await bodyIn(req);
    await delay(100);
    res.writeHead(200, JSON_HEADERS).end(ANSWER);
  },

  async stream(req, res) {
    await bodyIn(req);
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (let left = EVENTS; left > 0 && !res.destroyed; left -= 1) {
      res.write(EVENT);
      await delay(5);
    }
    res.end('data: [DONE]\n\n');
  },

  big: (req, res) => bytes(req, res, BIG),

  huge: (req, res) => bytes(req, res, HUGE),

  /** Byte by byte. */
  async drip(req, res) {
    await bodyIn(req);
    res.writeHead(200, JSON_HEADERS);
    for (let at = 0; at < ANSWER.length && !res.destroyed; at += 1) {
      res.write(ANSWER.subarray(at, at + 1));
      await delay(5);
    }
    res.end();
  },

  async reset(req) {
    await bodyIn(req);
    req.socket.resetAndDestroy();
  },

  async broken(req, res) {
    await bodyIn(req);
    res.writeHead(200, JSON_HEADERS);
    res.write(ANSWER.subarray(0, 10), () => res.destroy());
  },

  /** Never answers. */
  async hang(req) {
    req.resume();
  },

  /** Stops in the middle. */
  async stall(req, res) {
    await bodyIn(req);
    res.writeHead(200, JSON_HEADERS).write(ANSWER.subarray(0, 10));
  },

  /** Has read nothing of the body when it answers. */
  async early(_req, res) {
    res.writeHead(413, { 'Content-Length': 0, Connection: 'close' }).end();
  },

  async garbage(req) {
    req.socket.end('\x16\x03\x01 this is not HTTP\r\n\r\n');
  },
};

async function bytes(req, res, chunks) {
  await bodyIn(req);
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': chunks * CHUNK.length });
  await pipeline(Readable.from(Array(chunks).fill(CHUNK)), res);
}

async function bodyIn(req) {
  for await (const chunk of req) void chunk;
}
