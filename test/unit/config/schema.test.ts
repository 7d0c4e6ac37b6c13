import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';
import { settings } from './schema-settings.ts';

describe('the schema', () => {
  test('describes every setting', () => {
    expect(settings().filter((setting) => setting.description === '').map((setting) => setting.key)).toEqual([]);
  });

  test('is what the generated types were made from', () => {
    expect(execFileSync(process.execPath, ['tools/generate-types.js', '--check'], { encoding: 'utf8' })).toContain('is fresh');
  });
});

describe('the shipped configuration', () => {
  test('has nothing wrong with it and nothing to warn of', () => {
    const result = loadConfig('config/consumers.yaml', {});
    expect(result.ok ? result.warnings : result.problems.map(formatProblem)).toEqual([]);
  });

  test('points editors to the schema in its first line', () => {
    const [first] = readFileSync('config/consumers.yaml', 'utf8').split('\n');
    expect(first).toBe('# yaml-language-server: $schema=../schemas/config.schema.json');
  });
});
