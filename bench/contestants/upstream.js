// The consumer behind every contestant: answers small JSON at once, takes and gives large bodies, and can hold its answers.
import http from 'node:http';
import { Readable } from 'node:stream';
import { answerParent } from '../support/child.js';

const ANSWER = JSON.stringify({ model: 'bench', response: 'a small answer', done: true });
const HEADERS = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(ANSWER) };
const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** Long enough for the first piece to be seen alone. */
const PIECES_APART_MS = 3;
/** So long that many who ask at the same moment each have a connection. */
const SLOW_MS = 100;

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
    req.once('end', () => {
      if (isHolding) held.push(res);
      else if (req.url === '/slow') setTimeout(answerJob, SLOW_MS, res);
      else answerJob(res);
    });
  } else if (req.url.startsWith('/audio/stream')) {
    sendPieces(res);
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

/** The first piece at once, the last one a moment later, as what is made while it is sent. */
function sendPieces(res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  res.write('data: first\n\n');
  setTimeout(() => res.end('data: last\n\n'), PIECES_APART_MS);
}

function sendBig(res, mib) {
  let left = mib * 16;
  res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': left * CHUNK.length });
  const source = new Readable({ highWaterMark: CHUNK.length, read() { this.push(left-- > 0 ? CHUNK : null); } });
  source.pipe(res);
}

answerParent({
  /** `idleMs`: how long it keeps an idle connection; it does not say so, as most servers of this field do not. */
  async start({ idleMs = 60_000 } = {}) {
    server.keepAliveTimeout = idleMs;
    // Node adds a second, so that clients that take its hint are safe.
    server.keepAliveTimeoutBuffer = 0;
    if (idleMs < 60_000) server.prependListener('request', (_req, res) => res.removeHeader('Keep-Alive'));
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
