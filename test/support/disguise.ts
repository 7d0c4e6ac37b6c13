import { EventEmitter } from 'node:events';
import { Server, Socket } from 'node:net';

/** Where a test connects from, and where the broker then takes it to come from. */
const SEEN_AS: readonly (readonly [string, string])[] = [
  ['127.0.2.', '100.100.2.'],
  ['127.0.3.', '192.168.3.'],
  ['127.0.4.', 'fd00::'],
];

/**
 * Real connections from 127.0.2.N are taken for those of a tailnet peer (100.100.2.N), from 127.0.3.N for those of a device on the LAN
 * (192.168.3.N), and from 127.0.4.N for those of one LAN device with many addresses (fd00::N). Returns what ends that.
 */
export function disguisePeers(): () => void {
  // Before the server itself sees a connection: who may connect is asked then.
  const emit = function (this: Server, event: string, ...facts: unknown[]): unknown {
    if (event === 'connection' && facts[0] instanceof Socket) disguise(facts[0]);
    return Reflect.apply(EventEmitter.prototype.emit, this, [event, ...facts]);
  };
  Object.defineProperty(Server.prototype, 'emit', { value: emit, configurable: true });
  return () => void Reflect.deleteProperty(Server.prototype, 'emit');
}

function disguise(socket: Socket): void {
  const { remoteAddress: address = '' } = socket;
  const [real, seen] = SEEN_AS.find(([prefix]) => address.startsWith(prefix)) ?? [];
  if (real !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: `${seen}${address.slice(real.length)}` });
}
