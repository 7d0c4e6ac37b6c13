import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ask, closed, connection, outcomeOf } from '../support/http.js';
import { upgradeRequest, wayHeaders } from './ordinary.js';

const BODY = '{"model":"soak-chat","stream":true}';

/** More than twice `timeouts.client_idle` of the settings: the daemon looks once in each, and what was taken in the first counts. */
const TAKES_NOTHING_MS = 2500;

/** The bytes of a request; `length` may promise more than the body has. */
function request(path, { headers = {}, body = BODY, length = Buffer.byteLength(body) } = {}) {
  const all = { Host: '127.0.0.1', 'Content-Type': 'application/json', 'Content-Length': length, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Sends and leaves after a moment, in one of three ways: an end, a destroyed socket, a reset. */
async function sendAndLeave({ port, random }, bytes, afterMs) {
  const socket = await connection(port);
  socket.resume().write(bytes);
  await delay(random() * afterMs);
  return leave(socket, random);
}

async function leave(socket, random) {
  const way = Math.floor(random() * 3);
  if (way === 0) socket.end();
  else if (way === 1) socket.destroy();
  else socket.resetAndDestroy();
  return (await closed(socket)) === 'hang' ? 'hang' : 'left';
}

/** Leaves at the first bytes of the answer. */
async function leaveAnswer({ port, random }, way) {
  const socket = await connection(port);
  socket.write(request('/v1/llm', { headers: { 'X-Fake': way } }));
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return leave(socket, random);
}

/** Takes nothing of a large answer for longer than the daemon waits for that. */
async function takeNothing({ port }) {
  const socket = await connection(port);
  socket.pause();
  socket.write(request('/v1/llm', { headers: { 'X-Fake': 'huge', Connection: 'close' } }));
  await delay(TAKES_NOTHING_MS);
  return (await closed(socket)) === 'hang' ? 'hang' : 'left';
}

/** Promises a body and stops sending; the daemon has to end it. */
async function stopSending({ port }) {
  const socket = await connection(port);
  socket.write(request('/v1/chat/completions', { length: 100_000 }));
  return (await closed(socket)) === 'hang' ? 'hang' : 'left';
}

/** Takes the card by hand and is never seen again: the lease has to expire. */
async function forgetLease({ port, agent }) {
  const headers = { 'Content-Type': 'application/json' };
  const body = '{"kind":"tts","ttl":0.3,"wait":1}';
  return outcomeOf(await ask(port, { method: 'POST', path: '/v1/leases', headers, body, agent }));
}

async function leaveWebSocket({ port, random }, path) {
  const socket = await connection(port);
  socket.write(upgradeRequest(path));
  await Promise.race([once(socket, 'data'), once(socket, 'close')]);
  return leave(socket, random);
}

/** Deeds of clients that break off, and how often each is done. */
export const LEAVING = [
  { name: 'leaves at once', weight: 4, run: (at) => sendAndLeave(at, request('/v1/llm', { headers: wayHeaders(at.random) }), 3) },
  { name: 'leaves while waiting', weight: 2, run: (at) => sendAndLeave(at, request('/v1/chat/completions', { headers: { 'X-Fake': 'slow' } }), 200) },
  { name: 'leaves while uploading', weight: 3, run: (at) => sendAndLeave(at, request('/v1/stt', { body: 'x'.repeat(200_000), length: 2_000_000 }), 20) },
  { name: 'leaves a stream', weight: 3, run: (at) => leaveAnswer(at, 'stream') },
  { name: 'leaves a large answer', weight: 1, run: (at) => leaveAnswer(at, 'big') },
  { name: 'leaves a WebSocket', weight: 1, run: (at) => leaveWebSocket(at, '/upstream/alpha/ws') },
  { name: 'leaves a WebSocket with the card', weight: 0.5, run: (at) => leaveWebSocket(at, '/upstream/beta/gpu/ws') },
  { name: 'takes nothing', weight: 0.1, run: takeNothing },
  { name: 'stops sending', weight: 0.1, run: stopSending },
  { name: 'forgets its lease', weight: 0.05, run: forgetLease },
  { name: 'sends no HTTP', weight: 0.5, run: (at) => sendAndLeave(at, '\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n', 20) },
];
