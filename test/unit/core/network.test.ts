import { describe, expect, test } from '@jest/globals';
import { networkOf } from '../../../lib/core/network.ts';

describe('an IPv4 address stands for itself', () => {
  test.each([
    ['192.168.1.20', '192.168.1.20'],
    ['::ffff:192.168.1.20', '192.168.1.20'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('an IPv6 address stands for its /64', () => {
  test.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['2001:DB8:A:B::1', '2001:db8:a:b::/64'],
    ['2001:0db8:0000:0010::1', '2001:db8:0:10::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::%br-1:2', 'fe80:0:0:0::/64'],
    ['fe80::1%br:1:2:3:4:5', 'fe80:0:0:0::/64'],
    ['::ffff:1:2', '0:0:0:0::/64'],
    ['1:2::ffff:9.9.9.9', '1:2:0:0::/64'],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('in whichever form it is written', () => {
    const forms = ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', '2001:DB8::1:0:0:1', '2001:0db8:0:0::1'];
    expect(new Set(forms.map(networkOf))).toEqual(new Set(['2001:db8:0:0::/64']));
  });
});
