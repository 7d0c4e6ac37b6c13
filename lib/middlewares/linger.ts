import type { Duplex } from 'node:stream';

/** Unread request bytes are taken for this long after a refusal, so that the client gets to read it. */
export const LINGER_MS = 2000;

/** After a refusal: what still comes is dropped, past the parser, which has given up. */
export function linger(socket: Duplex): void {
  socket.removeAllListeners('data').on('data', () => undefined).resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(timer));
}
