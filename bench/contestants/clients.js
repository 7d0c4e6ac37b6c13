// The load: HTTP/1.1 on bare sockets, so that the generator costs less than what it measures.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent } from '../support/child.js';
import { percentile } from '../support/statistics.js';

/** The requests of a burst come within this time, around the moment at which their server closes its idle connections. ms */
const SPREAD_MS = 8;
/** Connections opened at the same time; a listener's backlog is 511. */
const OPENING = 200;
/** For each kind of paced request: also for what comes due while this process waits some seconds for a core. */
const PACED_CLIENTS = 64;

/** One connection that sends one request after another. */
class Client {
  constructor({ port, request, localAddress, onAnswer }) {
    this.request = Buffer.from(request);
    this.onAnswer = onAnswer;
    this.address = { host: '127.0.0.1', port, localAddress, noDelay: true };
    this.#connect();
  }

  connected() {
    return new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
  }

  send() {
    this.sentAt = performance.now();
    this.socket.write(this.request);
  }

  end() {
    this.isOver = true;
    this.socket.destroy();
  }

  #connect() {
    const socket = net.connect(this.address);
    this.text = '';
    this.socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (!this.isOver && this.socket === socket) this.onAnswer('closed', this);
    });
  }

  #take(chunk) {
    this.text += chunk.latin1Slice();
    const head = this.text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.text)?.[1]);
    if (!(this.text.length >= head + 4 + length)) return;
    const fault = this.text.startsWith('HTTP/1.1 200') ? null : this.text.slice(0, 300);
    // The daemon ends a connection now and then.
    if (/\r\nconnection: close\r\n/i.test(this.text.slice(0, head + 2))) this.#connect();
    this.text = '';
    this.onAnswer(fault, this);
  }
}

/** Opens `count` connections, some at a time. */
async function openClients(count, options) {
  const clients = [];
  while (clients.length < count) {
    const batch = Array.from({ length: Math.min(OPENING, count - clients.length) }, () => new Client(options));
    await Promise.all(batch.map((client) => client.connected()));
    clients.push(...batch);
  }
  return clients;
}

/** Each of `connections` sends its next request when it has its answer, for `seconds`; the first `warmMs` do not count. */
async function load({ port, request, connections, seconds, warmMs = 100 }) {
  const times = [];
  let fault = null;
  let isOver = false;
  let countsFrom = Infinity;
  const over = Promise.withResolvers();
  const onAnswer = (error, client) => {
    if (error !== null) return over.resolve((fault = error));
    const now = performance.now();
    if (client.sentAt >= countsFrom) times.push(now - client.sentAt);
    if (!isOver) client.send();
  };
  const clients = await openClients(connections, { port, request, onAnswer });
  countsFrom = performance.now() + warmMs;
  const timer = setTimeout(over.resolve, warmMs + seconds * 1000);
  for (const client of clients) client.send();
  await over.promise;
  isOver = true;
  clearTimeout(timer);
  for (const client of clients) client.end();
  if (fault !== null) throw new Error(`port ${port}, after ${times.length} good answers: not the expected answer: ${fault}`);
  return { requests: times.length, perSecond: times.length / seconds, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** `perSecond` in all, `requests` in turn, each at a random moment of its share of the time, whether those before are answered or not. Times in ms, of each. */
async function paced({ port, requests, perSecond, seconds }) {
  const total = perSecond * seconds;
  const times = requests.map(() => []);
  const over = Promise.withResolvers();
  let answered = 0;
  const pools = await Promise.all(requests.map(async (request, which) => {
    const onAnswer = (error, client) => {
      if (error !== null) return over.reject(new Error(`port ${port}, after ${answered} good answers: not the expected answer: ${error}`));
      times[which].push(performance.now() - client.sentAt);
      pools[which].push(client);
      answered += 1;
      if (answered === total) over.resolve();
    };
    return openClients(PACED_CLIENTS, { port, request, onAnswer });
  }));
  const all = pools.flat();
  const startedAt = performance.now();
  const send = (sent) => {
    // The one that has rested longest, so that none is closed as idle.
    const client = pools[sent % requests.length].shift();
    if (client === undefined) return over.reject(new Error(`port ${port}: ${PACED_CLIENTS} requests of a kind have no answer yet, and the next is due`));
    client.send();
    next(sent + 1);
  };
  const next = (sent) => {
    const dueAt = startedAt + ((sent + Math.random()) * 1000) / perSecond;
    if (sent < total) setTimeout(send, Math.max(0, dueAt - performance.now()), sent);
  };
  next(0);
  await over.promise.finally(() => all.forEach((client) => client.end()));
  return times.map((each) => ({ p50: percentile(each, 0.5), p99: percentile(each, 0.99) }));
}

/** Times until the first byte of a body, ms, one request after the other on one connection. */
async function firstBytes({ port, path, count }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  while (times.length < count) {
    const startedAt = performance.now();
    const answer = await answerTo(http.get({ host: '127.0.0.1', port, path, agent }));
    await once(answer, 'readable');
    times.push(performance.now() - startedAt);
    answer.resume();
    await once(answer, 'end');
  }
  agent.destroy();
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** `count` POSTs at about the same moment, `bursts` times, `everyMs` after the last answers; how many had no good answer, by reason. */
async function posts({ port, path, count, bursts, everyMs }) {
  const failures = {};
  for (let burst = 0; burst < bursts; burst += 1) {
    await Promise.all(Array.from({ length: count }, async () => {
      await delay(Math.random() * SPREAD_MS);
      const fault = await post(port, path).catch((error) => error.code ?? error.message);
      if (fault !== null) failures[fault] = (failures[fault] ?? 0) + 1;
    }));
    await delay(everyMs - SPREAD_MS);
  }
  return failures;
}

async function post(port, path) {
  const req = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers: { 'Content-Length': 2 } });
  req.end('{}');
  const [answer] = await once(req, 'response');
  answer.resume();
  return answer.statusCode === 200 ? null : `status ${answer.statusCode}`;
}

let crowd = [];
let faults = 0;

/** Opens `count` connections that each send a request, and the next one when the answer comes. */
async function gather({ port, request, count, localAddress }) {
  const onAnswer = (error, client) => {
    if (error === null) client.send();
    else faults += 1;
  };
  crowd = await openClients(count, { port, request, localAddress, onAnswer });
  for (const client of crowd) client.send();
}

/** Closes them all. Returns how many had failed before. */
function disperse() {
  for (const client of crowd.splice(0)) client.end();
  const before = faults;
  faults = 0;
  return before;
}

/** Takes a large answer and drops it. */
async function download({ port, mib }) {
  const answer = await answerTo(http.get({ host: '127.0.0.1', port, path: `/audio/big?mib=${mib}` }));
  let bytes = 0;
  for await (const chunk of answer) bytes += chunk.length;
  if (bytes !== mib * 2 ** 20) throw new Error(`${bytes} bytes instead of ${mib} MiB`);
}

/** Sends a large body as fast as it is taken. */
async function upload({ port, mib }) {
  const headers = { 'Content-Type': 'audio/wav', 'Content-Length': mib * 2 ** 20 };
  const req = http.request({ host: '127.0.0.1', port, path: '/v1/stt', method: 'POST', headers });
  const answer = answerTo(req);
  let left = mib * 16;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  Readable.from((function* () {
    while (left-- > 0) yield chunk;
  })()).pipe(req);
  (await answer).resume();
}

/** Sends a large file in a form, its model behind it, as a client that streams: without a length. */
async function uploadForm({ port, mib }) {
  const headers = { 'Content-Type': 'multipart/form-data; boundary=bench-form' };
  const req = http.request({ host: '127.0.0.1', port, path: '/v1/audio/transcriptions', method: 'POST', headers });
  const answer = answerTo(req);
  const chunk = randomBytes(64 * 1024);
  Readable.from((function* () {
    yield '--bench-form\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    for (let left = mib * 16; left > 0; left -= 1) yield chunk;
    yield '\r\n--bench-form\r\nContent-Disposition: form-data; name="model"\r\n\r\nbench\r\n--bench-form--\r\n';
  })(), { objectMode: true }).pipe(req);
  (await answer).resume();
}

async function answerTo(req) {
  const [answer] = await once(req, 'response');
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  return answer;
}

answerParent({ load, paced, firstBytes, posts, gather, disperse, download, upload, uploadForm });
