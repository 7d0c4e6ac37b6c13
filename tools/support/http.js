import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** A connection that has been silent for so long hangs, ms. Everything of ours that may be silent is set to less. */
export const HANG_MS = 20_000;

/**
 * One request. Resolves `{status, headers, text}`, or `{status: 'cut'}` if the connection was lost and `{status: 'hang'}` if nothing
 * came for `HANG_MS`; never rejects.
 */
export async function ask(port, { method = 'GET', path, headers = {}, body, agent }) {
  const req = http.request({ host: '127.0.0.1', port, method, path, headers, agent });
  req.setTimeout(HANG_MS, () => req.destroy(new Error('hang')));
  req.on('error', () => undefined);
  req.end(body);
  try {
    const [res] = await once(req, 'response');
    return { status: res.statusCode, headers: res.headers, text: await textOf(res) };
  } catch (error) {
    return { status: error.message === 'hang' ? 'hang' : 'cut', headers: {}, text: '' };
  }
}

async function textOf(res) {
  let text = '';
  res.setEncoding('latin1');
  // A large body is counted by nobody.
  for await (const chunk of res) if (text.length < 65_536) text += chunk;
  return text;
}

/** What came of a request, in a word or two: its status, and what went wrong in the daemon's own words. */
export function outcomeOf({ status, text }) {
  const code = status >= 400 ? /"(?:error|code)":"([a-z_]+)"/.exec(text)?.[1] : undefined;
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** A bare connection whose loss is no error. */
export async function connection(port) {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect').catch(() => undefined);
  return socket;
}

/** Resolves when the other end has closed, or has been silent for `HANG_MS`: then `hang`. */
export async function closed(socket) {
  if (socket.closed) return 'closed';
  socket.resume();
  socket.setTimeout(HANG_MS, () => socket.destroy());
  let isHanging = false;
  socket.once('timeout', () => (isHanging = true));
  await once(socket, 'close');
  return isHanging ? 'hang' : 'closed';
}

/** The status line's code of an answer to bytes sent as they are; `cut` without one, `hang` if nothing comes. */
export async function askRaw(port, bytes) {
  const socket = await connection(port);
  let head = '';
  socket.on('data', (chunk) => (head += head.length < 4096 ? chunk.latin1Slice() : ''));
  socket.write(bytes);
  const end = await closed(socket);
  if (end === 'hang') return { status: 'hang', head };
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? NaN) || 'cut', head };
}
