import type { Scope } from '../config/types.gen.ts';
import type { HeaderMap } from './headers.ts';

/** What is known of where a connection comes from. */
export type PeerKind = 'loopback' | 'tailscale' | 'other';

/** Who asks, as far as no key says it. */
export interface Caller {
  readonly peer: PeerKind;
  /** A browser made the request. */
  readonly isPage: boolean;
  /** Scopes of the Tailscale user at the other end of the connection. */
  readonly loginScopes: readonly Scope[];
}

/** A key that was shown and is known. */
export interface KnownKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** What was shown, and what there is. */
export interface Shown {
  readonly key: KnownKey | null;
  /** Something that looks like a key was sent. */
  readonly hasSent: boolean;
  /** Scopes that some configured key has; empty: there are no keys. */
  readonly keyScopes: ReadonlySet<Scope>;
}

/** Why somebody may not. `stranger`: another key, or any at all, would help; `lacking`: only another configuration would, or another key than a good one. */
export interface RightsFault {
  readonly type: 'stranger' | 'lacking';
  readonly message: string;
}

/** Sec-Fetch-Mode alone is what Node's own `fetch` sends; browsers send it with others: https://www.w3.org/TR/fetch-metadata/ */
const PAGE_HEADER = /^(?:origin|referer|sec-fetch-(?!mode$).*)$/;
const PROXY_HEADER = /^(?:forwarded|via|x-real-ip|x-forwarded-.*|tailscale-.*)$/;
/** So begin all of them. Every request is asked, and most of its headers need no closer look. */
const [PAGE_INITIALS, PROXY_INITIALS] = ['ors', 'fvxt'];

/** Whether a browser made a request. It says so itself; programs do not. */
export function isFromPage(headers: HeaderMap): boolean {
  return hasName(headers, PAGE_INITIALS, PAGE_HEADER);
}

/** Where a request comes from. What a proxy has passed on comes from somebody else than the proxy, who is not known: such headers only ever take rights away. */
export function peerBehind(peer: PeerKind, headers: HeaderMap): PeerKind {
  return hasName(headers, PROXY_INITIALS, PROXY_HEADER) ? 'other' : peer;
}

function hasName(headers: HeaderMap, initials: string, pattern: RegExp): boolean {
  for (const name in headers) {
    if (initials.includes(name.charAt(0)) && pattern.test(name)) return true;
  }
  return false;
}

/**
 * What one may do without a key. A browser never gets `admin` so: a page of a consumer's own has our origin, and any page that gets past the other checks
 * would be as mighty as its reader.
 */
export function rightsWithoutKey({ peer, isPage, loginScopes }: Caller, hasKeys: boolean): ReadonlySet<Scope> {
  const rights = new Set<Scope>(peer !== 'other' || !hasKeys ? ['infer', 'read'] : []);
  if (peer === 'loopback') rights.add('admin');
  if (peer === 'tailscale') for (const scope of loginScopes) rights.add(scope);
  if (isPage) rights.delete('admin');
  return rights;
}

/** What is said to one who has not got the scope that a request needs, neither by a key nor without. */
export function rightsFault(scope: Scope, { key, hasSent, keyScopes }: Shown): RightsFault {
  if (key !== null) {
    return { type: 'lacking', message: `the key ${key.name} may ${key.scopes.join(', ')}; this needs the scope ${scope}: add it to that key in the configuration, or send another one` };
  }
  if (hasSent && keyScopes.size > 0) return { type: 'stranger', message: `this key is not known here; this needs one with the scope ${scope}` };
  if (keyScopes.has(scope)) {
    return { type: 'stranger', message: `this needs the scope ${scope}: send a key that has it (Authorization: Bearer KEY, or x-api-key: KEY)${otherWay(scope)}` };
  }
  return { type: 'lacking', message: `this needs the scope ${scope}, and no key has it: configure one that does (access.keys)${otherWay(scope)}` };
}

function otherWay(scope: Scope): string {
  return scope === 'admin' ? ', or ask with a program on the machine itself' : ', or ask from the machine itself or its tailnet';
}
