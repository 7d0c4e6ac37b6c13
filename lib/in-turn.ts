import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Serve = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * Lets a request that was sent behind another on its connection begin when its turn to be answered has come. Before, it could
 * hold the card for an answer that waits for the one before it, which waits for the card; and Node 22 would not say if its
 * client left. What comes behind the last answer of its connection is nobody's request.
 */
export function inTurn(serve: Serve): Serve {
  return (req, res) => {
    if (res.socket === null) res.once('socket', () => serve(req, res));
    else if (res.socket.writable) serve(req, res);
  };
}

/** Requests of one connection that may wait for their turn. Programs that pipeline send some ten; each costs some KiB. */
const MOST_BEHIND = 100;
/** How many wait on a connection. */
const behind = new WeakMap<Socket, number>();

/** Cuts a client that sends ever more behind an answer that has not ended: Node keeps a request and a response for each. */
export function boundTurns({ socket }: IncomingMessage, res: ServerResponse): void {
  if (res.socket !== null) return;
  const count = (behind.get(socket) ?? 0) + 1;
  behind.set(socket, count);
  res.once('socket', () => behind.set(socket, (behind.get(socket) ?? 1) - 1));
  if (count > MOST_BEHIND) socket.destroy();
}
