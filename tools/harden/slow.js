import { setTimeout as delay } from 'node:timers/promises';
import { ask, closed, connection } from '../support/http.js';

/** Slow connections of each mode; of those that read slowly each makes the fake send 16 MiB. */
const SLOW = 200;
const READING = 50;
/** How long they go on, ms. */
const LAST_MS = 8000;
/** A piece is sent or taken this often, ms. */
const STEP_MS = 400;
/** Longest time that anybody else may have to wait for an answer meanwhile, ms: much less than it lasts, and enough for a busy machine. */
const PATIENCE_MS = 5000;
const HEAD = 'POST /v1/llm HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';

export const about = `up to ${SLOW} connections at a time that send headers, bodies or nothing slowly, or take answers slowly`;

/** By mode: what a slow client does with its connection until `isOver`. */
const MODES = {
  async 'slow headers'(socket, isOver) {
    socket.write(HEAD);
    for (let number = 0; !isOver() && !socket.destroyed; number += 1) {
      socket.write(`X-${number}: x\r\n`);
      await delay(STEP_MS);
    }
  },
  async 'slow body'(socket, isOver) {
    socket.write(`${HEAD}Content-Length: 100000\r\n\r\n`);
    while (!isOver() && !socket.destroyed) {
      socket.write('x');
      await delay(STEP_MS);
    }
  },
  async 'slow reading'(socket, isOver) {
    socket.pause();
    socket.write('GET /audio/x HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fake: huge\r\n\r\n');
    while (!isOver() && !socket.destroyed) {
      socket.read(64);
      await delay(STEP_MS);
    }
  },
  async 'nothing at all'(socket, isOver) {
    while (!isOver() && !socket.destroyed) await delay(STEP_MS);
  },
};

export async function run({ daemon, goals }) {
  for (const [mode, act] of Object.entries(MODES)) {
    const startedAt = performance.now();
    const isOver = () => performance.now() - startedAt > LAST_MS;
    const slow = Array.from({ length: mode === 'slow reading' ? READING : SLOW }, () => slowClient(daemon.port, act, isOver));
    const others = await askMeanwhile(daemon.port, isOver);
    await Promise.all(slow);
    goals.atMost(`${mode}: others refused or without an answer`, 0, { measured: others.failed, note: `of ${others.asked}` });
    goals.atMost(`${mode}: longest wait of others`, PATIENCE_MS, { measured: others.longestMs, unit: ' ms' });
  }
}

async function slowClient(port, act, isOver) {
  const socket = await connection(port);
  await act(socket, isOver);
  socket.destroy();
  await closed(socket);
}

/** Ordinary clients, one request after another: of ours and through the gate. */
async function askMeanwhile(port, isOver) {
  const others = { asked: 0, failed: 0, longestMs: 0 };
  while (!isOver()) {
    const startedAt = performance.now();
    const answers = [await ask(port, { path: '/healthz' }), await ask(port, { method: 'POST', path: '/v1/llm', body: '{}' })];
    others.asked += answers.length;
    others.failed += answers.filter(({ status }) => status !== 200).length;
    others.longestMs = Math.max(others.longestMs, performance.now() - startedAt);
    await delay(20);
  }
  return others;
}
