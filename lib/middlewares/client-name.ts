import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { networkOf } from '../core/network.ts';
import { isLoopback } from '../core/peer.ts';
import type { Exchange } from './exchange.ts';

/** What Open WebUI says of the user for whom it asks: https://docs.openwebui.com/getting-started/env-configuration (ENABLE_FORWARD_USER_INFO_HEADERS) */
const USER_HEADER = 'x-openwebui-user-id';
/** Ids are UUIDs; what is something else is no user. */
const USER_ID = /^[\w.@+-]{1,128}$/;

/** The parts of a request that say who asks. */
interface Asking {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Made once of each configuration's list. */
const trusted = new WeakMap<readonly string[], BlockList>();

/**
 * Whose share of the queue a request takes: the user whom a trusted peer names, else the owner of the key, else the address. Others
 * may write what they like into that header.
 */
export function clientOf({ headers, socket }: Asking, { config, key }: Pick<Exchange, 'config' | 'key'>): string {
  const { remoteAddress: address } = socket;
  const user = headers[USER_HEADER];
  const isUser = typeof user === 'string' && USER_ID.test(user) && address !== undefined && mayNameUsers(address, config.access.trusted_proxies);
  if (isUser) return `user ${user}`;
  if (key !== null) return `key ${key}`;
  // A client that has left has no address any more.
  return address === undefined ? 'nobody' : `peer ${networkOf(address)}`;
}

function mayNameUsers(address: string, proxies: readonly string[]): boolean {
  return isLoopback(address) || (proxies.length > 0 && listOf(proxies).check(address, familyOf(address)));
}

function listOf(proxies: readonly string[]): BlockList {
  const known = trusted.get(proxies);
  if (known !== undefined) return known;
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  trusted.set(proxies, list);
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
