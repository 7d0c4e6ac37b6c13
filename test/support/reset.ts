import type { Socket } from 'node:net';

/** Cuts a connection with RST. */
export function reset(socket: Socket): void {
  // Node 24: `resetAndDestroy` after an `end` (Node's own answer to a FIN included) never closes the handle and spins the loop.
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
