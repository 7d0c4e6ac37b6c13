import type { IncomingMessage, ServerResponse } from 'node:http';

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
