import type { Access } from '../config/types.gen.ts';
import type { Config } from '../config/types.ts';
import { PEER_RANGES } from './peer-ranges.ts';
import type { PeerKind } from './rights.ts';

type Reachable = Pick<Config, 'listen' | 'access' | 'consumers'>;

const LOCAL = /^(?:127\.|localhost:|\[::1\])/;
const EVERYWHERE = /^(?:0\.0\.0\.0|\[::\]):/;
/** Names of several kinds of peers, each with what it holds. */
const HELD: ReadonlyMap<string, readonly string[]> = new Map([['any', ['loopback', 'tailscale', 'any']]]);

/** Who can reach the daemon and what they may do, in lines for people. `listen`: where it really listens. */
export function reachLines({ access, consumers }: Reachable, listen: string): string[] {
  const ports = [...consumers.values()].flatMap(({ name, listen: own }) => (own === undefined ? [] : [`${placeOf(own)}, only for ${name}`]));
  const peers = [...new Set(access.allow.flatMap((entry) => HELD.get(entry) ?? [entry]))];
  return [
    ...[placeOf(listen), ...ports].map((place) => `reached at ${place}`),
    ...peers.map((entry) => `${peerName(entry)}: ${rightsOf(entry, access)}`),
    ...access.keys.map(({ name, scopes }) => `key ${name}: ${scopes.join(', ')}`),
    ...(access.tailscale_whois ? Object.entries(access.logins) : []).map(([login, scopes]) => `login ${login}: ${scopes.join(', ')}${scopes.includes('admin') ? ' (not in a browser)' : ''}`),
    access.allow.includes('any') ? 'nobody is refused by address' : 'all other addresses are refused',
    `web pages of other origins: ${access.origins.length === 0 ? 'refused' : `refused, but for ${access.origins.join(', ')}`}`,
  ];
}

function placeOf(listen: string): string {
  if (LOCAL.test(listen)) return `${listen} (this machine only)`;
  return EVERYWHERE.test(listen) ? `${listen} (every address of this machine)` : listen;
}

function peerName(entry: string): string {
  if (entry === 'any') return 'any other address';
  const ranges = PEER_RANGES.get(entry);
  return ranges === undefined ? entry : `${entry} (${ranges.join(', ')})`;
}

function rightsOf(entry: string, { keys }: Access): string {
  switch (kindOf(entry)) {
    case 'loopback':
      return 'infer, read; programs also admin';
    case 'tailscale':
      return 'infer, read';
    case 'other':
      return keys.length > 0 ? 'a key is needed for all but /healthz' : 'infer, read, as there are no keys';
  }
}

/** Of a range that reaches beyond what it begins in, what the rest of it may do. */
function kindOf(entry: string): PeerKind {
  if (entry === 'loopback' || entry === 'tailscale') return entry;
  const [address = '', bits] = entry.split('/');
  const length = bits === undefined ? Number.POSITIVE_INFINITY : Number(bits);
  if (address === '::1' || (address.startsWith('127.') && length >= 8)) return 'loopback';
  const isTailscale = /^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(address) && length >= 10;
  return isTailscale || (/^fd7a:115c:a1e0:/i.test(address) && length >= 48) ? 'tailscale' : 'other';
}
