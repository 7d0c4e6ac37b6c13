import { describe, expect, test } from '@jest/globals';
import { isRecognised, knownAddresses } from '../../../lib/cli/find-servers.ts';
import { configText, named, routingOf } from '../../../lib/cli/init-file.ts';
import { parseConfig } from '../../../lib/config/load.ts';
import { presetNames, readPreset } from '../../../lib/config/presets.ts';

const NAMES = presetNames();
const found = (names: readonly string[]) => named(names.map((name, index) => ({ url: `http://127.0.0.1:${9000 + index}`, preset: readPreset(name) })));

describe('an answer', () => {
  const json = { path: '/', has: ['/a/b', '/c~1d'], lacks: ['/x'], contains: null };

  test.each<[string | null, boolean]>([
    ['{"a":{"b":0},"c/d":null}', true],
    ['{"a":{"b":0},"c/d":null,"x":1}', false],
    ['{"a":{},"c/d":null}', false],
    ['{"a":[],"c/d":1}', false],
    ['<html>', false],
    [null, false],
  ])('%s: %s', (text, wanted) => {
    expect(isRecognised(json, text)).toBe(wanted);
  });

  test('is known by a text alone, too', () => {
    const text = { path: '/', has: [], lacks: [], contains: 'is running' };
    expect([isRecognised(text, 'Ollama is running'), isRecognised(text, 'no'), isRecognised(text, null)]).toEqual([true, false, false]);
  });
});

test.each(NAMES)('the preset %s says by what it is known', (name) => {
  const { path, has, contains } = readPreset(name).recognise;
  expect(path).toMatch(/^\//);
  expect(has.length > 0 || contains !== null).toBe(true);
});

test('servers are looked for where presets expect them', () => {
  expect(knownAddresses()).toEqual(expect.arrayContaining(['http://127.0.0.1:11434', 'http://127.0.0.1:8188', 'http://127.0.0.1:8178']));
  expect(new Set(knownAddresses()).size).toBe(knownAddresses().length);
});

describe('what init writes', () => {
  test.each(NAMES)('for %s alone is valid', (name) => {
    expect(parseConfig(configText(found([name]), './s.json'), 'x.yaml', {})).toMatchObject({ ok: true });
  });

  test('for all of them together is valid, with a name of its own for each', () => {
    const servers = found([...NAMES, 'ollama', 'ollama']);
    expect(new Set(servers.map(({ name }) => name)).size).toBe(servers.length);
    expect(servers.at(-1)?.name).toBe('ollama-3');
    const result = parseConfig(configText(servers, './s.json'), 'x.yaml', {});
    expect(result).toMatchObject({ ok: true, warnings: [] });
    expect([...routingOf(servers).keys()]).toEqual(['tts', 'stt', 'llm', 'image']);
  });
});
