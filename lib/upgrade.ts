import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { noteUpgrade } from './middlewares/arrival.ts';
import { linger } from './middlewares/linger.ts';

/** What there is of an upgrade when Node lets go of its connection. */
export interface UpgradeParts {
  readonly req: IncomingMessage;
  /** A response of the server's own class, not yet tied to a connection. */
  readonly res: ServerResponse;
  /** Bytes that came behind the head of the request. */
  readonly head: Buffer;
}

/**
 * Ties a response to the connection of an upgrade, as Node does for an ordinary request, so that it can pass all stages. Any answer
 * but 101 ends the connection. Returns whether it can be answered at all.
 */
export function openUpgrade({ req, res, head }: UpgradeParts): boolean {
  const { socket } = req;
  // Its 'close' tells.
  socket.on('error', () => undefined);
  if (!assign(res, socket)) return false;
  res.shouldKeepAlive = false;
  socket.on('drain', () => res.emit('drain'));
  const leave = (): void => void socket.destroy();
  socket.once('end', leave);
  noteUpgrade(req, { head, takeOver: () => socket.off('end', leave) });
  res.once('finish', () => {
    if (res.statusCode === 101) return;
    socket.end();
    linger(socket);
  });
  return true;
}

/** An answer to an earlier request may still be on its way; what it was for is cut together with its connection. */
function assign(res: ServerResponse, socket: Socket): boolean {
  try {
    res.assignSocket(socket);
    return true;
  } catch {
    socket.destroy();
    return false;
  }
}
