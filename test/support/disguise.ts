import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

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
  const disguise = (message: unknown): void => {
    const socket = typeof message === 'object' && message !== null && 'socket' in message ? message.socket : null;
    if (!(socket instanceof Socket)) return;
    const { remoteAddress: address = '' } = socket;
    const [real, seen] = SEEN_AS.find(([prefix]) => address.startsWith(prefix)) ?? [];
    if (real !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: `${seen}${address.slice(real.length)}` });
  };
  subscribe('net.server.socket', disguise);
  return () => unsubscribe('net.server.socket', disguise);
}
