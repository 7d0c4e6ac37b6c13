import { describe, expect, test } from '@jest/globals';
import { behindDoor, doorOf, locationBehind, ownDoor } from '../../../lib/core/doors.ts';
import { configured } from '../../support/configured.ts';

describe('a door is found by the beginning of a path:', () => {
  test.each([
    ['/ollama/api/tags', { prefix: '/ollama', by: 'preset', to: 'ollama', path: '/api/tags' }],
    ['/comfyui/', { prefix: '/comfyui', by: 'preset', to: 'comfyui', path: '/' }],
    ['/comfyui', { prefix: '/comfyui', by: 'preset', to: 'comfyui', path: '' }],
    ['/upstream/a.b/x%2Fy/', { prefix: '/upstream/a.b', by: 'name', to: 'a.b', path: '/x%2Fy/' }],
    ['/upstream/ollama', { prefix: '/upstream/ollama', by: 'name', to: 'ollama', path: '' }],
  ])('%s', (path, door) => {
    expect(doorOf(path)).toEqual(door);
  });

  test.each(['/', '/ollamas', '/Ollama/api', '/upstream', '/upstream/', '/v1/ollama/', '/comfyui%2Fx', 'ollama/x', '*'])('but not in %s', (path) => {
    expect(doorOf(path)).toBeNull();
  });
});

test('a port of its own is a door to all paths of its consumer', () => {
  expect(ownDoor('a', '/x')).toEqual({ prefix: '', by: 'name', to: 'a', path: '/x' });
});

describe('behind a door is', () => {
  const found = (consumers: Readonly<Record<string, { preset?: string }>>, path: string) => {
    const door = doorOf(path);
    if (door === null) throw new Error(`no door in ${path}`);
    const behind = behindDoor(configured({ consumers }), door);
    return behind.type === 'found' ? behind.consumer.name : behind;
  };

  test('the only consumer with its preset', () => {
    expect(found({ llm: { preset: 'ollama' }, other: {} }, '/ollama/')).toBe('llm');
    expect(found({ llm: { preset: 'ollama' }, ollama: {} }, '/ollama/')).toBe('llm');
  });

  test('of several the one of its name', () => {
    expect(found({ ollama: { preset: 'ollama' }, second: { preset: 'ollama' } }, '/ollama/')).toBe('ollama');
    expect(found({ comfyui: {} }, '/comfyui/x')).toBe('comfyui');
  });

  test('else nobody', () => {
    expect(found({ other: {} }, '/ollama/')).toEqual({ type: 'none', presets: 0 });
    expect(found({ one: { preset: 'comfyui' }, two: { preset: 'comfyui' } }, '/comfyui/')).toEqual({ type: 'none', presets: 2 });
  });

  test('whom the path names', () => {
    expect(found({ llm: { preset: 'ollama' } }, '/upstream/llm/')).toBe('llm');
    expect(found({ llm: { preset: 'ollama' } }, '/upstream/ollama/')).toEqual({ type: 'unknown' });
    expect(found({ a: {} }, '/upstream/%61/')).toEqual({ type: 'unknown' });
    expect(behindDoor(configured({ consumers: { a: {} } }), ownDoor('gone', '/'))).toEqual({ type: 'unknown' });
  });
});

describe('a redirect', () => {
  const door = { prefix: '/comfyui', url: 'http://127.0.0.1:8188' };

  test.each([
    ['/x?y=/z', '/comfyui/x?y=/z'],
    ['/', '/comfyui/'],
    ['http://127.0.0.1:8188/x%2Fy', '/comfyui/x%2Fy'],
    ['HTTP://127.0.0.1:8188', '/comfyui/'],
    ['http://127.0.0.1:8188?a', '/comfyui/?a'],
    ['http://127.0.0.1:8188#a', '/comfyui/#a'],
  ])('to %s leads through the door again', (location, led) => {
    expect(locationBehind(location, door)).toBe(led);
  });

  test.each(['//other/x', 'x/y', '../x', '?a', 'http://127.0.0.1:8189/x', 'https://127.0.0.1:8188/x', 'http://127.0.0.1:8188.evil/x', 'http://127.0.0.1:8188@evil/', 'ftp://a', 'x http://127.0.0.1:8188/x', ''])(
    'to %j stays as it is',
    (location) => {
      expect(locationBehind(location, door)).toBe(location);
    },
  );

  test('at a port of its own needs no prefix', () => {
    expect(locationBehind('/x', { ...door, prefix: '' })).toBe('/x');
    expect(locationBehind('http://127.0.0.1:8188/x', { ...door, prefix: '' })).toBe('/x');
  });

  test('knows the usual port', () => {
    expect(locationBehind('http://box/x', { prefix: '/p', url: 'http://box:80' })).toBe('/p/x');
  });
});
