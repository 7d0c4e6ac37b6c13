import { expect, test } from '@jest/globals';
import { clientOf } from '../../../lib/middlewares/client-name.ts';
import { configured } from '../../support/configured.ts';

const config = configured({ access: { trusted_proxies: ['172.17.0.0/16', '10.0.0.5', 'fd00::/8'] } });
const NAMED = { 'x-openwebui-user-id': 'b2a7-1' };

function client(remoteAddress: string | undefined, headers: Record<string, string> = {}, key: string | null = null): string {
  return clientOf({ headers, socket: { remoteAddress } }, { config, key });
}

test.each([
  ['127.0.0.1', 'peer 127.0.0.1'],
  ['100.64.1.2', 'peer 100.64.1.2'],
  ['::ffff:100.64.1.2', 'peer 100.64.1.2'],
  ['fd7a:115c:a1e0:ab12::7', 'peer fd7a:115c:a1e0:ab12::/64'],
  [undefined, 'nobody'],
])('who shows nothing is known by the address: %s is %s', (address, expected) => {
  expect(client(address)).toBe(expected);
});

test('who shows a key is known by that, wherever from', () => {
  expect([client('127.0.0.1', {}, 'laptop'), client('100.64.1.2', {}, 'laptop')]).toEqual(['key laptop', 'key laptop']);
});

test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '172.17.3.4', '::ffff:172.17.3.4', '10.0.0.5', 'fd00::1'])('%s may name the user whom it asks for', (address) => {
  expect(client(address, NAMED)).toBe('user b2a7-1');
  expect(client(address, NAMED, 'open-webui')).toBe('user b2a7-1');
});

test.each(['100.64.1.2', '172.18.0.1', '10.0.0.6', 'fe80::1', undefined])('%s may not: else one client would be as many as it likes', (address) => {
  expect(client(address, NAMED)).toBe(client(address));
  expect(client(address, NAMED, 'laptop')).toBe('key laptop');
});

test.each(['', 'a b', 'x'.repeat(129), 'a,b', 'ä'])('%j is no user', (id) => {
  expect(client('127.0.0.1', { 'x-openwebui-user-id': id })).toBe('peer 127.0.0.1');
});
