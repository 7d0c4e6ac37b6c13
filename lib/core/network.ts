/** Groups of an IPv6 address that name a network: one customer of a provider has at least as much. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/** Whom an address, as a socket gives it, stands for: itself, or of IPv6 its /64, within which one machine may take any. */
export function networkOf(address: string): string {
  const plain = address.toLowerCase().replace(/%.*/, '').replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  const [left = [], right = []] = plain.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, GROUPS - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
