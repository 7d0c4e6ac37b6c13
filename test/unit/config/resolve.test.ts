import { describe, expect, test } from '@jest/globals';
import { configOf } from './support.ts';

const consumer = (settings: string) => configOf(`consumers:\n  a: { url: "http://h:1/"${settings} }\n`).consumers.get('a');

describe('a consumer', () => {
  test('has its name, its URL without the last slash, and all defaults', () => {
    expect(consumer('')).toEqual({
      name: 'a',
      url: 'http://h:1',
      gpu_paths: ['POST /*'], images: null, path_style: 'openai', headers: {},
      variables: {},
      residual_mib: 0,
      client_gone: 'close',
      cancel: [],
      health: { method: 'GET', path: '/health', loading: [], skip_when_busy: false },
      paths: {},
      vram_managed: false,
      load: null,
      unload: null,
      can_coexist_with: [],
      priority: 2,
      max_concurrency: 1,
      timeouts: { connect: 2000, first_byte: 600_000, idle: 120_000, client_idle: 30_000, client_total: 600_000 },
    });
  });

  test('may have a name that objects know, too', () => {
    const config = configOf('consumers:\n  constructor: { url: "http://h:1" }\n  toString: { url: "http://h:2" }\nrouting: { tts: toString }\n');
    expect([...config.consumers.keys()]).toEqual(['constructor', 'toString']);
    expect(config.consumers.get('constructor')?.url).toBe('http://h:1');
  });

  test('has the timeouts of the top where it has none of its own', () => {
    const config = configOf('timeouts: { idle: 7s, connect: 1s }\nconsumers:\n  a: { url: "http://h:1", timeouts: { idle: 9s } }\n');
    expect(config.consumers.get('a')?.timeouts).toEqual({ connect: 1000, first_byte: 600_000, idle: 9000, client_idle: 30_000, client_total: 600_000 });
  });
});

describe('a hook', () => {
  test('that is a request has a method, headers and a time limit', () => {
    expect(consumer(', load: { path: /l }, unload: { path: /u, method: DELETE, body: null, timeout: 3s }')).toMatchObject({
      load: { type: 'http', method: 'POST', path: '/l', body: undefined, headers: {}, timeout: 120_000 },
      unload: { type: 'http', method: 'DELETE', path: '/u', body: null, headers: {}, timeout: 3000 },
    });
  });

  test.each(['0', 'false', '""', 'text', '[1, 2]', '{ __proto__: 1 }'])('may have the body %s', (body) => {
    expect(consumer(`, load: { path: /l, body: ${body} }`)?.load).toMatchObject({ type: 'http' });
  });

  test('that is a command has only arguments and a time limit', () => {
    expect(consumer(', unload: { command: [docker, stop, x] }')?.unload).toEqual({ type: 'command', argv: ['docker', 'stop', 'x'], timeout: 10_000 });
  });

  test('comes from the systemd unit unless one is given', () => {
    expect(consumer(', systemd_unit: w.service, unload: { path: /u }')).toMatchObject({
      load: { type: 'command', argv: ['systemctl', '--user', 'start', 'w.service'], timeout: 120_000 },
      unload: { type: 'http', path: '/u' },
    });
    expect(consumer(', systemd_unit: w.service')?.unload).toEqual({ type: 'command', argv: ['systemctl', '--user', 'stop', 'w.service'], timeout: 10_000 });
  });
});

describe('a configuration', () => {
  const config = configOf('consumers:\n  a: { url: "http://h:1", load: { path: /l, body: { deep: [1] } } }\n');

  test('is frozen everywhere', () => {
    const open: unknown[] = [];
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) open.push(value);
      for (const member of value instanceof Map ? value.values() : Object.values(value)) look(member);
    };
    look(config);
    expect(open).toEqual([]);
  });

  test('has consumers that nobody can add to', () => {
    const consumers: unknown = config.consumers;
    if (!(consumers instanceof Map)) throw new Error('expected a Map');
    expect(() => consumers.set('b', 1)).toThrow('cannot be changed');
    expect(() => consumers.clear()).toThrow('cannot be changed');
    expect(consumers.size).toBe(1);
  });

  test('of one file does not leak into that of another', () => {
    expect(configOf('consumers: { a: { url: "http://h:1" } }').access).not.toBe(config.access);
  });
});
