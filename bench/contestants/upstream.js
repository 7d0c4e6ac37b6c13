// The consumer behind every contestant: answers small JSON at once, takes and gives large bodies, and can hold its answers.
import http from 'node:http';
import { Readable } from 'node:stream';
import { answerParent } from '../support/child.js';

const ANSWER = JSON.stringify({ model: 'bench', response: 'a small answer', done: true });
const HEADERS = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(ANSWER) };
const CHUNK = Buffer.alloc(64 * 1024, 'x');

let isHolding = false;
let held = [];
/** Monotonic ms of the end of the last answer to POST; null: nothing to measure. */
let endedAt = null;
let gaps = [];
let jobs = 0;

const server = http.createServer((req, res) => {
  if (req.method === 'POST') {
    jobs += 1;
    if (endedAt !== null) gaps.push(performance.now() - endedAt);
    endedAt = null;
    req.resume();
    req.once('end', () => (isHolding ? held.push(res) : answerJob(res)));
  } else if (req.url.startsWith('/audio/big')) {
    sendBig(res, Number(new URL(req.url, 'http://x').searchParams.get('mib')));
  } else {
    res.writeHead(200, HEADERS);
    res.end(ANSWER);
  }
});

function answerJob(res) {
  res.writeHead(200, HEADERS);
  res.end(ANSWER);
  endedAt = performance.now();
}

function sendBig(res, mib) {
  let left = mib * 16;
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': left * CHUNK.length });
  const source = new Readable({ highWaterMark: CHUNK.length, read() { this.push(left-- > 0 ? CHUNK : null); } });
  source.pipe(res);
}

answerParent({
  async start() {
    server.keepAliveTimeout = 60_000;
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return server.address().port;
  },
  /** From now on answers to POST wait. */
  hold() {
    isHolding = true;
  },
  /** Gives the answers that wait, and begins a new count of gaps between one answer and the next request. */
  go() {
    isHolding = false;
    endedAt = null;
    gaps = [];
    jobs = 0;
    for (const res of held.splice(0)) answerJob(res);
  },
  /** Gaps in ms, and jobs, since `go`. */
  seen() {
    return { gaps, jobs };
  },
});
