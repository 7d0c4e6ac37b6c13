import { hostname } from 'node:os';
import { BlockList, isIP } from 'node:net';

const NEAR = new BlockList();
for (const [address, bits] of [['127.0.0.0', 8], ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['0.0.0.0', 32]] as const) {
  NEAR.addSubnet(address, bits, 'ipv4');
}
for (const [address, bits] of [['::1', 128], ['fc00::', 7], ['::', 128]] as const) NEAR.addSubnet(address, bits, 'ipv6');

const NEAR_NAMES = ['.localhost', '.local', '.internal'];
const OWN_ORIGINS = new Set(['localhost', '127.0.0.1', '0.0.0.0', '[::1]']);
const APP_SCHEMES = new Set(['app:', 'file:', 'tauri:', 'vscode-webview:', 'vscode-file:']);

/** Whether a Host is an address nearby or a name of this machine. */
export function isNearHost(header: string): boolean {
  const host = header.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const family = isIP(host);
  if (family !== 0) return NEAR.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === '' || host === 'localhost' || host === hostname().toLowerCase() || NEAR_NAMES.some((end) => host.endsWith(end));
}

/** Whether an Origin is none, or that of a page or an application of this machine. */
export function isOwnOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  const url = URL.parse(origin);
  return url !== null && (APP_SCHEMES.has(url.protocol) || OWN_ORIGINS.has(url.hostname));
}
