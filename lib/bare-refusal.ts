import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BrokerError } from './errors.ts';
import { envelopeOf } from './middlewares/error-handler.ts';
import { linger } from './middlewares/linger.ts';

/** Refused connections that are kept for a moment so that their clients get to read why; more are closed at once. */
const MOST_LINGERING = 2048;
let lingering = 0;

/** Answers on a bare socket, where there is no response to answer with, and closes it. */
export function refuse(socket: Duplex, error: BrokerError): void {
  const { status, headers, body } = envelopeOf(error);
  const head = Object.entries({ ...headers, Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${body}`;
  socket.on('error', () => undefined);
  if (lingering >= MOST_LINGERING) {
    socket.end(answer, () => socket.destroy());
    return;
  }
  lingering += 1;
  socket.once('close', () => (lingering -= 1));
  socket.end(answer);
  linger(socket);
}
