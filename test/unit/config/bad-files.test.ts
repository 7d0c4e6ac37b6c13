import { describe, expect, test } from '@jest/globals';
import { problemLines } from './support.ts';

const CONSUMERS = 'consumers:\n  a: { url: "http://h:1" }\n';

describe('what is no configuration at all', () => {
  test.each([
    ['an empty file', '', ['c.yaml:1:1: expected a configuration with at least `consumers`, got an empty file']],
    ['only comments', '# nothing\n', ['c.yaml:1:1: expected a configuration with at least `consumers`, got an empty file']],
    ['only null', '---\n~\n', ['c.yaml:1:1: expected a configuration with at least `consumers`, got an empty file']],
    ['a text', 'hello', ['c.yaml:1:1: expected a mapping, got "hello"']],
    ['a list', '- 1', ['c.yaml:1:1: expected a mapping, got a list']],
    ['two documents', 'a: 1\n---\nb: 1\n', ['c.yaml:3:1: expected one YAML document, got a second one']],
    ['a second, empty document', 'a: 1\n---\n', ['c.yaml:3:1: expected one YAML document, got a second one']],
    ['no consumers', 'listen: localhost:1\n', ['c.yaml:1:1: consumers: expected this required key, got none']],
    ['an empty set of consumers', 'consumers: {}', ['c.yaml:1:1: consumers: expected at least one entry, got an empty mapping']],
  ])('%s', (_name, text, lines) => {
    expect(problemLines(text)).toEqual(lines);
  });
});

describe('what is no YAML that we take', () => {
  test.each([
    ['bad indentation', 'a: 1\n b: 2\n', 'c.yaml:2:3: expected valid YAML, got an error: bad indentation of a mapping entry'],
    ['a tab', 'a:\n\tb: 2\n', 'c.yaml:2:1: expected valid YAML, got an error: tab characters must not be used in indentation'],
    ['an open quote', 'a: "b', 'c.yaml:1:6: expected valid YAML, got an error: unexpected end of the stream within a double quoted scalar'],
    ['an unknown tag', 'a: !secret x', 'c.yaml:1:4: expected valid YAML, got an error: unknown scalar tag !<!secret>'],
    ['an alias', 'a: &x 1\nb: *x', 'c.yaml:2:4: expected plain YAML without anchors and aliases, got an alias'],
    ['a list as key', '? [a]\n: 1\n', 'c.yaml:1:3: expected a plain word as key, got a list, a mapping or an alias'],
    ['a null byte', 'a: \0', 'c.yaml:1:4: expected valid YAML, got an error: null byte is not allowed in input'],
    [
      'a variable without quotes in braces',
      'gpu: { device: ${X} }',
      'c.yaml:1:17: expected valid YAML, got an error: missed comma between flow collection entries (inside { } put the value in quotes: "${NAME}")',
    ],
  ])('%s', (_name, text, line) => {
    expect(problemLines(text)).toEqual([line]);
  });
});

describe('a single fault', () => {
  test.each([
    ['lisen: a:1', 'c.yaml:3:1: lisen: expected one of the keys listen, access, gpu, health, queue, timeouts, limits, eviction, leases, idle_unload, preload, state, history, log, tracing, shutdown_grace, routing, audio_proxy, models, consumers, got "lisen" (did you mean "listen"?)'],
    ['<<: { listen: "a:1" }', 'c.yaml:3:1: <<: expected one of the keys listen, access, gpu, health, queue, timeouts, limits, eviction, leases, idle_unload, preload, state, history, log, tracing, shutdown_grace, routing, audio_proxy, models, consumers, got "<<"'],
    ['__proto__: { listen: "a:1" }', 'c.yaml:3:1: __proto__: expected one of the keys listen, access, gpu, health, queue, timeouts, limits, eviction, leases, idle_unload, preload, state, history, log, tracing, shutdown_grace, routing, audio_proxy, models, consumers, got "__proto__"'],
    ['listen: 8770', 'c.yaml:3:9: listen: expected HOST:PORT such as 127.0.0.1:8770 or [::1]:8770, got 8770'],
    ['listen: 1.2.3.4:99999', 'c.yaml:3:9: listen: expected a port from 0 to 65535, got "1.2.3.4:99999"'],
    ['listen: "[1::2::3]:80"', 'c.yaml:3:9: listen: expected an IPv6 address between the brackets, got "[1::2::3]:80"'],
    ['gpu: { total_mib: 1.5 }', 'c.yaml:3:19: gpu.total_mib: expected a whole number, got 1.5'],
    ['gpu: { cushion_mib: .nan }', 'c.yaml:3:21: gpu.cushion_mib: expected a finite number, got NaN'],
    ['gpu: { cushion_mib: -.inf }', 'c.yaml:3:21: gpu.cushion_mib: expected a finite number, got -Infinity'],
    ['gpu: { reserved_mib: -1 }', 'c.yaml:3:22: gpu.reserved_mib: expected at least 0, got -1'],
    ['gpu: { concurrency: 65 }', 'c.yaml:3:21: gpu.concurrency: expected at most 64, got 65'],
    ['gpu: { poll_interval: 5 }', 'c.yaml:3:23: gpu.poll_interval: expected a duration with its unit such as 500ms, 5s or 2m, got 5'],
    ['gpu: { poll_interval: 0s }', 'c.yaml:3:23: gpu.poll_interval: expected a duration of at least 1ms, got "0s"'],
    ['queue: { max_wait: 600h }', 'c.yaml:3:20: queue.max_wait: expected a duration of at most 2147483647ms (about 596h), got "600h"'],
    ['limits: { body: 5MB }', 'c.yaml:3:17: limits.body: expected a size with its unit such as 64KiB, 512MiB or 2GiB, got "5MB"'],
    ['log: { level: imfo }', 'c.yaml:3:15: log.level: expected one of error, warn, info, debug, got "imfo" (did you mean "info"?)'],
    ['timeouts:', 'c.yaml:3:1: timeouts: expected a mapping, got nothing'],
    ['access: { allow: [] }', 'c.yaml:3:11: access.allow: expected at least one entry, got an empty list'],
    ['access: { allow: [any, loopback, any] }', 'c.yaml:3:34: access.allow[2]: expected each entry once, got "any"'],
    ['access: { allow: [tailscal] }', 'c.yaml:3:19: access.allow[0]: expected loopback, tailscale, private, any, an address or a CIDR such as 10.0.0.0/8, got "tailscal" (did you mean "tailscale"?)'],
    ['access: { allow: [10.0.0.0/33] }', 'c.yaml:3:19: access.allow[0]: expected a prefix length from 0 to 32, got "10.0.0.0/33"'],
    ['access: { allow: ["fd00::/129"] }', 'c.yaml:3:19: access.allow[0]: expected a prefix length from 0 to 128, got "fd00::/129"'],
    ['routing: { tts: b }', 'c.yaml:3:17: routing.tts: expected the name of a consumer (a), got "b" (did you mean "a"?)'],
    ['routing: { sst: a }', 'c.yaml:3:12: routing.sst: expected one of the keys tts, stt, llm, image, got "sst" (did you mean "stt"?)'],
    ['audio_proxy: mvoice', 'c.yaml:3:14: audio_proxy: expected the name of a consumer (a), got "mvoice"'],
    ['queue: { max_waiting: 1 }\nqueue: { max_waiting: 2 }', 'c.yaml:4:1: queue: expected each key once, got "queue" again'],
  ])('%s', (text, line) => {
    expect(problemLines(CONSUMERS + text)).toEqual([line]);
  });
});

describe('a single fault of a consumer', () => {
  test.each([
    ['{}', 'c.yaml:2:3: consumers.b.url: expected this required key, got none'],
    ['', 'c.yaml:2:3: consumers.b: expected a mapping, got nothing'],
    ['{ url: h:1 }', 'c.yaml:2:13: consumers.b.url: expected a URL of scheme, host and port only, such as http://127.0.0.1:8766, got "h:1"'],
    ['{ url: "http://h:1/api" }', 'c.yaml:2:13: consumers.b.url: expected a URL of scheme, host and port only, such as http://127.0.0.1:8766, got "http://h:1/api"'],
    ['{ url: "http://h:70000" }', 'c.yaml:2:13: consumers.b.url: expected a port from 1 to 65535, got "http://h:70000"'],
    ['{ url: "http://h:0" }', 'c.yaml:2:13: consumers.b.url: expected a port from 1 to 65535, got "http://h:0"'],
    ['{ url: "http://me:secret@h:1" }', 'c.yaml:2:13: consumers.b.url: expected a URL without user name and password, got a URL with one'],
    ['{ url: "http://h:1", load: {} }', 'c.yaml:2:27: consumers.b.load: expected either `path` (an HTTP request) or `command` (a program), got neither'],
    ['{ url: "http://h:1", load: { command: [x], path: /x } }', 'c.yaml:2:49: consumers.b.load.path: expected nothing of a request beside `command`, got `path`'],
    ['{ url: "http://h:1", load: { command: [] } }', 'c.yaml:2:35: consumers.b.load.command: expected at least one entry, got an empty list'],
    ['{ url: "http://h:1", load: { command: [x, ""] } }', 'c.yaml:2:48: consumers.b.load.command[1]: expected a text that is not empty, got ""'],
    ['{ url: "http://h:1", load: { path: /x, headers: { "a b": x } } }', 'c.yaml:2:56: consumers.b.load.headers["a b"]: expected a header name, got "a b"'],
    ['{ url: "http://h:1", load: { command: "curl -H key" } }', 'c.yaml:2:44: consumers.b.load.command: expected a list, got a text that is not shown here'],
    ['{ url: "http://h:1", load: { path: "x?key=1" } }', 'c.yaml:2:41: consumers.b.load.path: expected a path that begins with / and has no spaces, got "x?…"'],
    ['{ url: "http://h:1", load: { path: /x, headers: { A: "secret\\n" } } }', 'c.yaml:2:59: consumers.b.load.headers.A: expected a header value of printable ASCII, got a text that is not shown here'],
    ['{ url: "http://h:1", unload: { path: /x, body: [1, .inf] } }', 'c.yaml:2:57: consumers.b.unload.body[1]: expected a finite number, got Infinity'],
    ['{ url: "http://h:1", can_coexist_with: [b] }', 'c.yaml:2:46: consumers.b.can_coexist_with[0]: expected another consumer, got the consumer itself'],
    ['{ url: "http://h:1", can_coexist_with: [c] }', 'c.yaml:2:46: consumers.b.can_coexist_with[0]: expected the name of a consumer (b), got "c" (did you mean "b"?)'],
    ['{ url: "http://h:1", priority: 5 }', 'c.yaml:2:37: consumers.b.priority: expected at most 4, got 5'],
    ['{ url: "http://h:1", vram_managed: yes }', 'c.yaml:2:41: consumers.b.vram_managed: expected true or false, got "yes"'],
    ['{ url: "http://h:1", health: { path: health } }', 'c.yaml:2:43: consumers.b.health.path: expected a path that begins with / and has no spaces, got "health"'],
    ['{ url: "http://h:1", busy: { path: /x, pointer: "/a~2" } }', 'c.yaml:2:54: consumers.b.busy.pointer: expected a JSON pointer such as /exec_info/queue_remaining, with ~0 for ~ and ~1 for /, got "/a~2"'],
    ['{ url: "http://h:1", systemd_unit: --user.service }', 'c.yaml:2:41: consumers.b.systemd_unit: expected the name of a unit such as whisper-server.service, got "--user.service"'],
  ])('%s', (consumer, line) => {
    expect(problemLines(`consumers:\n  b: ${consumer}\n`)).toEqual([line]);
  });

  test.each(['a b', '.hidden', '__proto__', 'a/b'])('the name %j', (name) => {
    const expected = 'expected a name of 1 to 64 letters, digits, dots, dashes and underscores that begins with a letter or digit';
    const lines = problemLines(`consumers:\n  ${JSON.stringify(name)}: { url: "http://h:1" }\n`);
    expect(lines).toEqual([expect.stringContaining(`${expected}, got ${JSON.stringify(name)}`)]);
  });
});

test('all faults of a file come at once, sorted by position, one for each setting', () => {
  const text = [
    'routing: { tts: mvoic }',
    'gpu: { device: "0", poll_interval: 5 }',
    'gpu: { devise: 0 }',
    'consumers:',
    '  mvoice: { busy: {}, priority: 9 }',
    '  ollama: { url: "http://h:1", can_coexist_with: [mvoise] }',
  ].join('\n');
  expect(problemLines(text)).toEqual([
    'c.yaml:1:17: routing.tts: expected the name of a consumer (mvoice, ollama), got "mvoic" (did you mean "mvoice"?)',
    'c.yaml:3:1: gpu: expected each key once, got "gpu" again',
    'c.yaml:3:8: gpu.devise: expected one of the keys device, total_mib, reserved_mib, cushion_mib, poll_interval, concurrency, got "devise" (did you mean "device"?)',
    'c.yaml:5:3: consumers.mvoice.url: expected this required key, got none',
    'c.yaml:5:13: consumers.mvoice.busy.path: expected this required key, got none',
    'c.yaml:5:13: consumers.mvoice.busy.pointer: expected this required key, got none',
    'c.yaml:5:33: consumers.mvoice.priority: expected at most 4, got 9',
    'c.yaml:6:51: consumers.ollama.can_coexist_with[0]: expected the name of a consumer (mvoice, ollama), got "mvoise" (did you mean "mvoice"?)',
  ]);
});
