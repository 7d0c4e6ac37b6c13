import { BlockList, isIPv6 } from 'node:net';
import { expect, test } from '@jest/globals';
import { PEER_RANGES } from '../../../lib/core/peer-ranges.ts';

function holds(ranges: readonly string[], address: string): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [base = '', bits] = range.split('/');
    list.addSubnet(base, Number(bits), familyOf(base));
  }
  return list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

test.each([
  [['127.0.0.1', '127.255.255.255', '::1'], ['loopback', 'any']],
  [['100.64.0.0', '100.127.255.255'], ['tailscale', 'any']],
  [['fd7a:115c:a1e0:ab12::1'], ['tailscale', 'private', 'any']],
  [['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255', '169.254.1.1'], ['private', 'any']],
  [['fc00::1', 'fdff::1', 'fd7a:115c:a1e1::1', 'fe80::1', 'febf::1'], ['private', 'any']],
  [['8.8.8.8', '126.255.255.255', '128.0.0.1', '100.63.255.255', '100.128.0.0', '11.0.0.1'], ['any']],
  [['172.15.255.255', '172.32.0.1', '192.167.1.1', '192.169.1.1', '169.253.1.1', '169.255.1.1'], ['any']],
  [['2001:db8::1', '::2', 'fe00::1', 'fec0::1', 'fb00::1'], ['any']],
])('%j are in %j, and in no other range that has a name', (addresses, names) => {
  for (const address of addresses) {
    expect([...PEER_RANGES].filter(([, ranges]) => holds(ranges, address)).map(([name]) => name)).toEqual(names);
  }
});
