import { isIP, isIPv6 } from 'node:net';
import { child } from './pointer.ts';
import type { Fault } from './problem.ts';
import { entriesOf, itemsOf, memberOf } from './tree.ts';

/** What is wrong with a text, or null. `secret`: the text itself must not be shown. */
type Verdict = { readonly expected: string; readonly secret?: true; readonly candidates?: readonly string[] } | null;

/** Words for sets of addresses. */
const PEER_NAMES: readonly string[] = ['loopback', 'tailscale', 'private', 'any'];

/** Addresses and URLs, which a pattern alone cannot judge. */
export function valueFaults(file: unknown): Fault[] {
  const access = memberOf(file, 'access');
  const peers = itemsOf(memberOf(access, 'allow'));
  const proxies = itemsOf(memberOf(access, 'trusted_proxies'));
  const consumers = entriesOf(memberOf(file, 'consumers'));
  return [
    ...judge('/listen', memberOf(file, 'listen'), judgeListen),
    ...peers.flatMap((peer, index) => judge(child('/access/allow', index), peer, judgePeer)),
    ...proxies.flatMap((proxy, index) => judge(child('/access/trusted_proxies', index), proxy, judgeAddress)),
    ...consumers.flatMap(([name, consumer]) => judge(child(child('/consumers', name), 'url'), memberOf(consumer, 'url'), judgeUrl)),
    ...consumers.flatMap(([name, consumer]) => judge(child(child('/consumers', name), 'listen'), memberOf(consumer, 'listen'), judgeListen)),
  ];
}

function judge(pointer: string, value: unknown, verdictOf: (text: string) => Verdict): Fault[] {
  if (typeof value !== 'string') return [];
  const verdict = verdictOf(value);
  if (verdict === null) return [];
  const { expected, secret = false, candidates = [] } = verdict;
  const misspelt = { word: value, candidates };
  return [{ pointer, at: 'value', expected, misspelt, ...(secret ? { got: 'a URL with one' } : {}) }];
}

/** HOST:PORT; what the pattern already refuses is left to it. */
export function judgeListen(text: string): Verdict {
  const [, bracketed, port] = /^(?:\[([^\]]*)\]|[^:]*):([0-9]+)$/.exec(text) ?? [];
  if (port === undefined) return null;
  if (bracketed !== undefined && !isIPv6(bracketed)) return { expected: 'an IPv6 address between the brackets' };
  return Number(port) > 65535 ? { expected: 'a port from 0 to 65535' } : null;
}

/** A peer by name, address or CIDR. */
export function judgePeer(text: string): Verdict {
  if (PEER_NAMES.includes(text)) return null;
  if (isIP(addressIn(text)) !== 0) return judgeAddress(text);
  return { expected: `${PEER_NAMES.join(', ')}, an address or a CIDR such as 10.0.0.0/8`, candidates: PEER_NAMES };
}

/** An address or a CIDR. */
function judgeAddress(text: string): Verdict {
  const prefix = text.split('/')[1];
  const family = isIP(addressIn(text));
  if (family === 0) return { expected: 'an address or a CIDR such as 172.17.0.0/16' };
  const longest = family === 4 ? 32 : 128;
  return prefix !== undefined && Number(prefix) > longest ? { expected: `a prefix length from 0 to ${longest}` } : null;
}

function addressIn(text: string): string {
  return text.split('/')[0] ?? '';
}

/** The URL of a consumer: no user name, and a port that can be connected to. */
export function judgeUrl(text: string): Verdict {
  const url = URL.parse(text);
  const port = /:([0-9]+)\/?$/.exec(text)?.[1];
  if (url !== null && url.username + url.password !== '') return { expected: 'a URL without user name and password', secret: true };
  if (port !== undefined && (Number(port) > 65535 || Number(port) === 0)) return { expected: 'a port from 1 to 65535' };
  if (url === null) return { expected: 'a URL such as http://127.0.0.1:8766' };
  return url.pathname + url.search + url.hash === '/' ? null : { expected: 'a URL of scheme, host and port only, such as http://127.0.0.1:8766' };
}
