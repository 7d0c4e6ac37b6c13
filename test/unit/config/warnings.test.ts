import { expect, test } from '@jest/globals';
import { parseConfig } from '../../../lib/config/load.ts';
import { warningLines } from './support.ts';

test.each([
  [
    'two consumers at one URL',
    'consumers:\n  a: { url: "http://h:80" }\n  b: { url: "http://H/" }\n',
    'c.yaml:3:13: consumers.b.url: expected a server of its own, got the URL of a',
  ],
  [
    'a route to a consumer without the path',
    'routing: { tts: a }\nconsumers:\n  a: { url: "http://h:1" }\n',
    'c.yaml:1:17: routing.tts: expected a consumer with paths.tts (POST /v1/tts answers 501), got "a"',
  ],
  [
    'a footprint that can never fit',
    'gpu: { total_mib: 1000, reserved_mib: 100, cushion_mib: 50 }\nconsumers:\n  a: { url: "http://h:1", vram_resident_mib: 851 }\n',
    'c.yaml:3:46: consumers.a.vram_resident_mib: expected what fits into gpu.total_mib beside reserve and cushion (it can never be loaded), got 851',
  ],
  [
    'hooks of a consumer that manages its own memory',
    'consumers:\n  a: { url: "http://h:1", vram_managed: true, unload: { path: /u } }\n',
    'c.yaml:2:41: consumers.a.vram_managed: expected no load and unload beside it, got some, which no eviction will use',
  ],
  [
    'a spool smaller than a body',
    'limits: { body: 2KiB, spool: 1KiB }\nconsumers:\n  a: { url: "http://h:1" }\n',
    'c.yaml:1:30: limits.spool: expected at least limits.body (no body can be larger than all of them together), got "1KiB"',
  ],
  [
    'fewer connections than may wait',
    'limits: { connections: 100 }\nqueue: { max_waiting: 100 }\nconsumers:\n  a: { url: "http://h:1" }\n',
    'c.yaml:1:24: limits.connections: expected more than queue.max_waiting (100): everybody who waits has one, got 100',
  ],
  [
    'more who may wait than connections by default',
    'queue: { max_waiting: 5000 }\nconsumers:\n  a: { url: "http://h:1" }\n',
    'c.yaml:1:1: limits.connections: expected more than queue.max_waiting (5000): everybody who waits has one, got nothing',
  ],
])('%s', (_name, text, line) => {
  expect(warningLines(text)).toEqual([line]);
});

test('a footprint that just fits is no reason to warn', () => {
  expect(warningLines('gpu: { total_mib: 1000 }\nconsumers:\n  a: { url: "http://h:1", vram_resident_mib: 744 }\n')).toEqual([]);
});

test('what came from the environment is not shown', () => {
  const text = 'gpu: { total_mib: 1 }\nlimits: { spool: "${SPOOL}" }\nrouting: { tts: "${NAME}" }\nconsumers:\n  secret: { url: "http://h:1", vram_resident_mib: "${MIB}" }\n';
  const result = parseConfig(text, 'c.yaml', { SPOOL: '77KiB', NAME: 'secret', MIB: '4711' });
  const messages = result.ok ? result.warnings.map((warning) => warning.message) : [];
  expect(messages).toHaveLength(3);
  expect(messages.join()).not.toMatch(/77|78848|4711|secret/);
});
