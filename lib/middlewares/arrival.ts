import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A request that asks for another protocol on its connection. */
export interface Upgrade {
  /** Bytes that came behind its head. */
  readonly head: Buffer;
  /** Hands the connection over. Until then a client that closes its side has left. */
  takeOver(): Socket;
}

const ownPorts = new WeakMap<IncomingMessage, string>();
const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Notes that a request came to a port of a consumer's own; nothing that a client sends can say so. */
export function noteOwnPort(req: IncomingMessage, consumer: string): void {
  ownPorts.set(req, consumer);
}

/** The consumer to whose own port a request came; null: to the broker's. */
export function ownPortOf(req: IncomingMessage): string | null {
  return ownPorts.get(req) ?? null;
}

export function noteUpgrade(req: IncomingMessage, upgrade: Upgrade): void {
  upgrades.set(req, upgrade);
}

/** null: it is an ordinary request. */
export function upgradeOf(req: IncomingMessage): Upgrade | null {
  return upgrades.get(req) ?? null;
}
