import { once } from 'node:events';
import { ask, closed, connection, outcomeOf } from '../support/http.js';

const MIB = 2 ** 20;
const FILE = Buffer.alloc(4 * MIB, 'wav bytes that look like nothing ');
const BOUNDARY = 'soak-form';
const FORM_HEAD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`;
const FORM_TAIL = `\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\nsoak-whisper\r\n--${BOUNDARY}--\r\n`;
const UPGRADE = 'Host: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c29ha3NvYWtzb2Frc29haw==\r\n\r\n';
const READ = ['/v1/status', '/v1/models', '/v1/plan?kind=image', '/healthz', '/readyz', '/v1/consumers/nobody/load', '/no/such/path'];

/** What a fake can do to a request, and the share of each; all else is answered as it should be. */
const WAYS = [['slow', 0.01], ['stream', 0.02], ['big', 0.01], ['drip', 0.005], ['reset', 0.01], ['broken', 0.01], ['hang', 0.002], ['stall', 0.002], ['early', 0.005], ['garbage', 0.005]];

/** Headers of a request whose consumer may misbehave. */
export function wayHeaders(random) {
  let left = random();
  const way = WAYS.find(([, share]) => (left -= share) < 0);
  return way === undefined ? {} : { 'X-Fake': way[0] };
}

/** A body of JSON, mostly small, of some MiB now and then; its model last. */
export function jsonBody(random, members) {
  const bytes = random() < 0.02 ? Math.floor(random() * 4 * MIB) : Math.floor(random() * 2000);
  return JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(bytes) }], ...members });
}

/** The bytes that ask for a WebSocket at `path`. */
export function upgradeRequest(path) {
  return `GET ${path} HTTP/1.1\r\n${UPGRADE}`;
}

async function post({ port, agent, random }, path, members) {
  const headers = { 'Content-Type': 'application/json', ...wayHeaders(random) };
  return outcomeOf(await ask(port, { method: 'POST', path, headers, body: jsonBody(random, members), agent }));
}

async function form({ port, agent, random }) {
  const file = FILE.subarray(0, Math.floor(random() ** 4 * FILE.length));
  const headers = { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`, ...wayHeaders(random) };
  const body = Buffer.concat([Buffer.from(FORM_HEAD), file, Buffer.from(FORM_TAIL)]);
  return outcomeOf(await ask(port, { method: 'POST', path: '/v1/audio/transcriptions', headers, body, agent }));
}

async function get({ port, agent, random }, path) {
  return outcomeOf(await ask(port, { path, headers: wayHeaders(random), agent }));
}

/** Some bytes there and back, and a proper end. */
async function webSocket({ port }, path) {
  const socket = await connection(port);
  socket.write(upgradeRequest(path));
  const [head] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  if (!Buffer.isBuffer(head)) return 'cut';
  socket.end('some bytes');
  const end = await closed(socket);
  return end === 'hang' ? 'hang' : head.latin1Slice(9, 12);
}

/** The card by hand: a request inside the lease, and back. */
async function lease({ port, agent, random }) {
  const json = { 'Content-Type': 'application/json' };
  const taken = await ask(port, { method: 'POST', path: '/v1/leases', headers: json, body: '{"kind":"llm","ttl":2,"wait":2}', agent });
  if (taken.status !== 201) return outcomeOf(taken);
  const { id, token } = JSON.parse(taken.text);
  const headers = { ...json, 'X-GPU-Lease': token };
  await ask(port, { method: 'POST', path: '/v1/llm', headers: { ...headers, ...wayHeaders(random) }, body: '{}', agent });
  await ask(port, { method: 'PUT', path: `/v1/leases/${id}`, headers, body: '{"ttl":1}', agent });
  return outcomeOf(await ask(port, { method: 'DELETE', path: `/v1/leases/${id}`, headers, agent }));
}

/** Deeds of clients that wait for their answers, and how often each is done. */
export const ORDINARY = [
  { name: 'façade', weight: 30, run: (at) => post(at, ['/v1/llm', '/v1/tts', '/v1/stt'][Math.floor(at.random() * 3)], {}) },
  { name: 'façade, image', weight: 0.1, run: (at) => post(at, '/v1/image', {}) },
  { name: 'chat', weight: 15, run: (at) => post(at, '/v1/chat/completions', { model: at.random() < 0.5 ? 'soak-chat' : 'soak/any' }) },
  { name: 'chat, no such model', weight: 1, run: (at) => post(at, '/v1/chat/completions', { model: 'nobody' }) },
  { name: 'chat, stream', weight: 10, run: (at) => post(at, '/v1/chat/completions', { stream: true, model: 'soak-alias' }) },
  { name: 'messages', weight: 3, run: (at) => post(at, '/v1/messages', { model: 'soak-chat' }) },
  { name: 'transcription', weight: 5, run: form },
  { name: 'audio', weight: 10, run: (at) => get(at, '/audio/one.wav') },
  { name: 'own path, card', weight: 5, run: (at) => post(at, '/upstream/alpha/api/generate', {}) },
  { name: 'own path, no card', weight: 5, run: (at) => get(at, `/upstream/${at.random() < 0.5 ? 'alpha' : 'delta'}/api/tags`) },
  { name: 'WebSocket', weight: 3, run: (at) => webSocket(at, '/upstream/alpha/ws') },
  { name: 'WebSocket, card', weight: 1, run: (at) => webSocket(at, '/upstream/alpha/gpu/ws') },
  { name: 'status and others', weight: 3, run: (at) => get(at, READ[Math.floor(at.random() * READ.length)]) },
  { name: 'lease', weight: 1, run: lease },
];
