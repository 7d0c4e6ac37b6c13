/** Address ranges by name. Tailscale: https://tailscale.com/kb/1015/100.x-addresses; private: RFC 1918, RFC 4193, RFC 3927, RFC 4291. */
export const PEER_RANGES: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['tailscale', ['100.64.0.0/10', 'fd7a:115c:a1e0::/48']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']],
  ['any', ['0.0.0.0/0', '::/0']],
]);
