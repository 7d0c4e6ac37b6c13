import type { Response } from 'express';

/**
 * Ends an answer in its middle, in a way that cannot be taken for its end. To an HTTP/1.0 client a proper close is the end
 * of a body without a length, so that one is reset.
 */
export function cutOff(res: Response): void {
  const { socket } = res;
  if (res.req.httpVersion === '1.0' && socket !== null && !socket.writableEnded) socket.resetAndDestroy();
  res.destroy();
}
