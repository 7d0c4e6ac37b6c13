import { BlockList, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import type { Access } from '../config/types.gen.ts';
import type { OwnNames } from '../core/access.ts';

/** Address ranges by name. Tailscale: https://tailscale.com/kb/1015/100.x-addresses; private: RFC 1918, RFC 4193, RFC 3927, RFC 4291. */
const RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  tailscale: ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
  any: ['0.0.0.0/0', '::/0'],
};

/** Who may connect and under which names, made from `access` once per configuration. */
export class AccessRules {
  readonly names: OwnNames;
  /** Origins of web pages elsewhere that may use us. */
  readonly origins: ReadonlySet<string>;
  readonly #allowed = new BlockList();
  /** The answer cannot change while a socket lives. */
  readonly #known = new WeakMap<Socket, boolean>();

  constructor(access: Readonly<Access>) {
    this.names = { hostName: hostname().toLowerCase(), configured: access.hosts.map((name) => name.toLowerCase()) };
    this.origins = new Set(access.origins);
    for (const entry of access.allow) {
      for (const range of Object.hasOwn(RANGES, entry) ? (RANGES[entry] ?? []) : [entry]) this.#allow(range);
    }
  }

  /** Whether the other end of a socket may connect. */
  admits(socket: Socket): boolean {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const address = socket.remoteAddress;
    const isAdmitted = address !== undefined && this.#allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
    this.#known.set(socket, isAdmitted);
    return isAdmitted;
  }

  #allow(range: string): void {
    const [address = '', bits] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    this.#allowed.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
}
