import type { Socket } from 'node:net';

/** Silence after which TCP asks whether the other end is still there, ms; below the 5 minutes after which home routers forget a connection. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Passes the bytes of two connections on to each other. What one side ends or loses, the other loses too: at once after a cut, and
 * after an end as soon as it has taken what was sent before, or has taken nothing for `closingMs`.
 */
export function joinSockets(a: Socket, b: Socket, closingMs: number): void {
  const closing = (): void => {
    for (const side of [a, b]) side.setTimeout(closingMs, () => side.destroy());
  };
  for (const [side, other] of [[a, b], [b, a]] as const) {
    side.setTimeout(0).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    // Its 'close' tells.
    side.on('error', () => undefined);
    side.once('end', closing);
    side.once('close', () => {
      if (side.readableEnded) other.end();
      else other.destroy();
    });
    side.pipe(other);
  }
}
