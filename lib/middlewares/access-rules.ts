import { BlockList, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import type { Access } from '../config/types.gen.ts';
import type { OwnNames } from '../core/access.ts';
import { PEER_RANGES } from '../core/peer-ranges.ts';
import type { PeerKind } from '../core/rights.ts';
import { KeyRing } from './key-ring.ts';

/** Who may connect, under which names, and with which keys, made from `access` once per configuration. */
export class AccessRules {
  readonly names: OwnNames;
  /** Origins of web pages elsewhere that may use us. */
  readonly origins: ReadonlySet<string>;
  readonly keys: KeyRing;
  readonly #allowed: BlockList;
  /** The answer cannot change while a socket lives. */
  readonly #known = new WeakMap<Socket, boolean>();

  constructor(access: Readonly<Pick<Access, 'allow' | 'hosts' | 'origins' | 'keys'>>) {
    this.names = { hostName: hostname().toLowerCase(), configured: access.hosts.map((name) => name.toLowerCase()) };
    this.origins = new Set(access.origins);
    this.keys = new KeyRing(access.keys);
    this.#allowed = listOf(access.allow.flatMap((entry) => PEER_RANGES.get(entry) ?? [entry]));
  }

  /** Whether the other end of a socket may connect. */
  admits(socket: Socket): boolean {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const isAdmitted = holds(this.#allowed, socket);
    this.#known.set(socket, isAdmitted);
    return isAdmitted;
  }
}

const LOOPBACK = listOf(PEER_RANGES.get('loopback') ?? []);
const TAILSCALE = listOf(PEER_RANGES.get('tailscale') ?? []);
const kinds = new WeakMap<Socket, PeerKind>();

/** Where the other end of a socket is. */
export function peerKindOf(socket: Socket): PeerKind {
  const known = kinds.get(socket);
  if (known !== undefined) return known;
  const kind = holds(LOOPBACK, socket) ? 'loopback' : holds(TAILSCALE, socket) ? 'tailscale' : 'other';
  kinds.set(socket, kind);
  return kind;
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return list;
}

function holds(list: BlockList, { remoteAddress: address }: Socket): boolean {
  return address !== undefined && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
