import { describe, expect, test } from '@jest/globals';
import { configOf, problemLines } from './support.ts';

const file = (settings: string): string => `consumers:\n  a: { url: "http://h:1" }\n${settings}\n`;

describe('a variable in a value', () => {
  test('is replaced anywhere inside a text', () => {
    expect(configOf(file('listen: ${HOST}:${PORT}'), { HOST: '0.0.0.0', PORT: '80' }).listen).toBe('0.0.0.0:80');
  });

  test('is replaced inside a hook of any depth', () => {
    const text = 'consumers:\n  a: { url: "http://h:1", load: { path: /x, body: { k: ["${K}"] }, headers: { Authorization: "Bearer ${K}" } } }';
    expect(configOf(text, { K: 'v: 1' }).consumers.get('a')?.load).toMatchObject({ body: { k: ['v: 1'] }, headers: { Authorization: 'Bearer v: 1' } });
  });

  test('is never read as YAML, nor replaced again', () => {
    const text = 'consumers:\n  a: { url: "http://h:1", load: { path: /x, body: "${K}" } }';
    expect(configOf(text, { K: '[1, {a: ${K}}]' }).consumers.get('a')?.load).toMatchObject({ body: '[1, {a: ${K}}]' });
  });

  test('stays as it is in a key', () => {
    const text = 'consumers:\n  a: { url: "http://h:1", load: { path: /x, body: { "${K}": 1 } } }';
    expect(configOf(text, {}).consumers.get('a')?.load).toMatchObject({ body: { '${K}': 1 } });
  });

  test('gives a literal ${ when the dollar is doubled', () => {
    const text = 'consumers:\n  a: { url: "http://h:1", load: { command: [sh, -c, "echo $${HOME:-x} $$"] } }';
    expect(configOf(text, {}).consumers.get('a')?.load).toMatchObject({ argv: ['sh', '-c', 'echo ${HOME:-x} $$'] });
  });

  test('becomes a number or a boolean where the schema wants one', () => {
    const config = configOf(file('gpu: { total_mib: "${MIB}" }').replace('"http://h:1"', '"http://h:1", vram_managed: "${YES}"'), { MIB: '8192', YES: 'true' });
    expect(config.gpu.total_mib).toBe(8192);
    expect(config.consumers.get('a')?.vram_managed).toBe(true);
  });

  test('stays a text where the schema takes anything', () => {
    const text = 'consumers:\n  a: { url: "http://h:1", load: { path: /x, body: "${N}" } }';
    expect(configOf(text, { N: '5' }).consumers.get('a')?.load).toMatchObject({ body: '5' });
  });

  test('may be empty', () => {
    expect(problemLines(file('listen: "${X}127.0.0.1:80"'), { X: '' })).toEqual([]);
  });
});

describe('a problem with a variable', () => {
  test.each([
    ['listen: ${HOST}:80', 'c.yaml:3:9: listen: expected the environment variable HOST to be set, got none of that name'],
    ['gpu: { device: "${__proto__}" }', 'c.yaml:3:16: gpu.device: expected the environment variable __proto__ to be set, got none of that name'],
    ['listen: "${HOST:-localhost}:80"', 'c.yaml:3:9: listen: expected a variable such as ${NAME}, got "${HOST:-localhost}" (write $${ for a literal ${)'],
    ['listen: "${HOST"', 'c.yaml:3:9: listen: expected a variable such as ${NAME}, got "${HOST" (write $${ for a literal ${)'],
  ])('%s', (settings, line) => {
    expect(problemLines(file(settings), {})).toEqual([line]);
  });

  test('never shows the value, which may be a secret', () => {
    const text = [
      'listen: "x${SECRET}"',
      'gpu: { device: "${SECRET}", poll_interval: "${SECRET}" }',
      'limits: { body: "${SECRET}" }',
      'log: { level: "${SECRET}" }',
      'access: { allow: ["${SECRET}"], hosts: ["${SECRET}"] }',
      'routing: { tts: "${SECRET}" }',
      'consumers:',
      '  hunter3: { url: "http://${SECRET}", health: { path: "${SECRET}" }, can_coexist_with: ["${SECRET}"], load: { path: /x, headers: { A: "${SECRET}\\n" } } }',
      '  b: { url: "${SECRET}", unknown: "${SECRET}" }',
    ].join('\n');
    const lines = problemLines(text, { SECRET: 'hunter2 ' });
    expect(lines.length).toBeGreaterThanOrEqual(13);
    expect(lines.filter((line) => /hunter2|did you mean/.test(line))).toEqual([]);
    expect(lines[0]).toBe('c.yaml:1:9: listen: expected HOST:PORT such as 127.0.0.1:8770 or [::1]:8770, got "x${SECRET}"');
    expect(lines[1]).toBe('c.yaml:2:16: gpu.device: expected a whole number, got the value of ${SECRET}');
  });
});
