import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** A connection that has been silent for so long hangs, ms. Everything of ours that may be silent is set to less. */
export const HANG_MS = 20_000;
/** Of an answer only so much is kept, characters. */
const LONGEST = 65_536;

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
  for await (const chunk of res) if (text.length < LONGEST) text += chunk;
  return text;
}

/** What came of a request, in a word or two: its status, and what went wrong in the daemon's own words. A refusal that must not be is printed. */
export function outcomeOf({ status, text }) {
  const code = status >= 400 ? /"(?:error|code)":"([a-z_]+)"/.exec(text)?.[1] : undefined;
  if (code === 'insufficient_vram' || code === 'scheduler_error') console.error(`\nrefused: ${text}`);
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

/**
 * What comes of bytes sent as they are: the status line's code; `cut` without one, `hang` if nothing comes, `not ours` for a refusal that
 * is not an envelope of ours, in whichever client's form.
 */
export async function askRaw(port, bytes) {
  const socket = await connection(port);
  let answer = '';
  socket.on('data', (chunk) => (answer += answer.length < LONGEST ? chunk.latin1Slice() : ''));
  socket.write(bytes);
  if ((await closed(socket)) === 'hang') return 'hang';
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
  if (status === 0) return 'cut';
  return status < 400 || isEnvelope(answer) ? status : 'not ours';
}

function isEnvelope(answer) {
  const [head, body] = [answer.slice(0, answer.indexOf('\r\n\r\n')), answer.slice(answer.indexOf('\r\n\r\n') + 4)];
  try {
    const { error, message } = JSON.parse(body);
    return /^content-type: application\/json\b/im.test(head) && typeof (error?.message ?? message ?? error) === 'string';
  } catch {
    return false;
  }
}
