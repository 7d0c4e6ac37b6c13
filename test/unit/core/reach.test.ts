import { describe, expect, test } from '@jest/globals';
import { reachLines } from '../../../lib/core/reach.ts';
import { configured } from '../../support/configured.ts';
import { keyEntry } from '../../support/keys.ts';

const KEY = keyEntry('laptop', 'secret', ['infer', 'read']);
const lines = (access: Record<string, unknown>, listen = '0.0.0.0:8770') => reachLines(configured({ access }), listen);

describe('who can reach the daemon', () => {
  test('with the defaults', () => {
    expect(lines({})).toEqual([
      'reached at 0.0.0.0:8770 (every address of this machine)',
      'loopback (127.0.0.0/8, ::1/128): infer, read; programs also admin',
      'tailscale (100.64.0.0/10, fd7a:115c:a1e0::/48): infer, read',
      'all other addresses are refused',
      'web pages of other origins: refused',
    ]);
  });

  test('with everything', () => {
    const access = { allow: ['any', 'loopback'], keys: [KEY], tailscale_whois: true, logins: { 'me@x': ['admin', 'read'], 'you@x': ['read'] }, origins: ['http://page:1', 'http://page:2'] };
    expect(lines(access, '192.168.1.2:80')).toEqual([
      'reached at 192.168.1.2:80',
      expect.stringMatching(/^loopback .*programs also admin$/),
      expect.stringMatching(/^tailscale .*infer, read$/),
      'any other address: a key is needed for all but /healthz',
      'key laptop: infer, read',
      'login me@x: admin, read (not in a browser)',
      'login you@x: read',
      'nobody is refused by address',
      'web pages of other origins: refused, but for http://page:1, http://page:2',
    ]);
  });

  test('takes no address for that of this machine, or for all, that only has it in it', () => {
    expect(['192.168.127.1:80', '10.0.0.0:80'].map((listen) => lines({}, listen)[0])).toEqual(['reached at 192.168.127.1:80', 'reached at 10.0.0.0:80']);
  });

  test('names ports of single consumers', () => {
    const config = configured({ consumers: { a: { listen: '127.0.0.1:11434' } } });
    expect(reachLines(config, '[::]:1').slice(0, 2)).toEqual(['reached at [::]:1 (every address of this machine)', 'reached at 127.0.0.1:11434 (this machine only), only for a']);
  });

  test('has no hash and no file of a key', () => {
    expect(lines({ keys: [KEY] }).join()).not.toContain(KEY.sha256.slice(0, 8));
  });

  test.each([
    ['127.0.0.5', 'infer, read; programs also admin'],
    ['::1', 'infer, read; programs also admin'],
    ['100.101.102.103', 'infer, read'],
    ['100.64.0.0/10', 'infer, read'],
    ['fd7a:115c:a1e0:ab12::/64', 'infer, read'],
    ['100.64.0.0/9', 'a key is needed for all but /healthz'],
    ['100.128.0.1', 'a key is needed for all but /healthz'],
    ['127.0.0.0/8', 'infer, read; programs also admin'],
    ['127.0.0.0/7', 'a key is needed for all but /healthz'],
    ['100.78.0.1', 'infer, read'],
    ['10.100.64.1', 'a key is needed for all but /healthz'],
    ['fd7a:115c:a1e0::/48', 'infer, read'],
    ['fd7a:115c:a1e0::/47', 'a key is needed for all but /healthz'],
    ['2001:fd7a:115c:a1e0::1', 'a key is needed for all but /healthz'],
    ['126.0.0.0/7', 'a key is needed for all but /healthz'],
    ['10.0.0.0/8', 'a key is needed for all but /healthz'],
  ])('judges %s by where it lies', (entry, rights) => {
    expect(lines({ allow: [entry], keys: [KEY] })).toContain(`${entry}: ${rights}`);
    if (rights.startsWith('a key')) expect(lines({ allow: [entry] })).toContain(`${entry}: infer, read, as there are no keys`);
  });
});
