import { describe, expect, test } from '@jest/globals';
import { configPath, daemonUrl, listenAddress } from '../../../lib/cli/settings.ts';
import { wantsColor } from '../../../lib/cli/terminal.ts';

describe('the configuration is', () => {
  test.each([
    ['the option', 'a.yaml', { MGPU_CONFIG: 'b.yaml' }, 'a.yaml'],
    ['else the variable', undefined, { MGPU_CONFIG: 'b.yaml' }, 'b.yaml'],
    ['else the default', undefined, {}, 'config/consumers.yaml'],
    ['the default for an empty variable, too', undefined, { MGPU_CONFIG: '' }, 'config/consumers.yaml'],
  ])('%s', (...[, option, env, path]) => {
    expect(configPath(option, env)).toBe(path);
  });
});

describe('the daemon is at', () => {
  test.each([
    ['the option', 'http://h:1/', { MGPU_URL: 'http://i:2' }, 'http://h:1'],
    ['else the variable', undefined, { MGPU_URL: 'http://i:2' }, 'http://i:2'],
    ['else the default', undefined, {}, 'http://127.0.0.1:8770'],
    ['host and port, which means http', 'box:8770', {}, 'http://box:8770'],
    ['a path behind another proxy', 'https://h/gpu/', {}, 'https://h/gpu'],
  ])('%s', (...[, option, env, url]) => {
    expect(daemonUrl(option, env)).toBe(url);
  });

  test.each(['ftp://h', 'http://', 'http://h:99999', 'http://h?x', 'a b'])('not at %j', (option) => {
    expect(() => daemonUrl(option, {})).toThrow('expected the daemon\'s URL such as http://127.0.0.1:8770');
  });

  test('no URL with a password, which is not repeated', () => {
    expect(() => daemonUrl('http://me:secret@h', {})).toThrow(/got one with a password$/);
  });
});

describe('the address to listen at', () => {
  test.each(['127.0.0.1:0', '[::1]:8770', 'box.local:80'])('may be %s', (address) => {
    expect(listenAddress(address)).toBe(address);
  });
  test.each(['8770', 'h:99999', '[::1::2]:1', 'h:', 'http://h:1'])('may not be %s', (address) => {
    expect(() => listenAddress(address)).toThrow(/^expected .*, got /);
  });
});

describe('colour', () => {
  test.each([
    ['is for terminals', {}, true, true],
    ['is not for files and pipes', {}, false, false],
    ['is not for dumb terminals', { TERM: 'dumb' }, true, false],
    ['is off with NO_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['is not turned off by an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['is on with FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
    ['is off with FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
  ])('%s', (...[, env, isTerminal, wanted]) => {
    expect(wantsColor(env, isTerminal)).toBe(wanted);
  });
});
