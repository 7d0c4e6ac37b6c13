import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { configOf } from './support.ts';
import { settings } from './schema-settings.ts';

const PAGE = readFileSync('docs/configuration.md', 'utf8');

/** The rows of the page's tables as `key type default`. */
function documented(): string[] {
  const rows = PAGE.matchAll(/^\| `([^`]+)` \| ([^|]+) \| `?([^|`]+)`? \|/gm);
  return Array.from(rows, ([, key, type, fallback]) => `${key} ${type} ${fallback}`);
}

describe('docs/configuration.md', () => {
  test('has every setting of the schema with its type and default, and no others', () => {
    const expected = settings().map(({ key, type, default: fallback }) => `${key} ${type} ${fallback}`);
    expect(documented().toSorted()).toEqual(expected.toSorted());
  });

  test('has examples that load', () => {
    const env = { MGPU_HOST: '127.0.0.1', REMOTE_HOST: 'remote', REMOTE_TOKEN: 'token' };
    const examples = Array.from(PAGE.matchAll(/```yaml\n([\s\S]*?)```/g), ([, example = '']) => example);
    expect(examples.map((example) => configOf(example, env, 'config/consumers.yaml').consumers.size)).toEqual([1, 1, 2, 1]);
  });
});
