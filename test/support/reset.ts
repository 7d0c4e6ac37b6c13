import type { Socket } from 'node:net';

/** Cuts a connection with RST. */
export function reset(socket: Socket): void {
  // Node 24: while an `end` is under way (its own answer to a FIN included) `resetAndDestroy` fails with EINVAL and never closes.
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
