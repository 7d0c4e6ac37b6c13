import { describe, expect, test } from '@jest/globals';
import { parseProcesses } from '../../../lib/gpu/parse.ts';

const UUID = 'GPU-5206045b-2a1c-1e7d-6c60-d7c367d02376';
const OTHER = 'GPU-00000000-2a1c-1e7d-6c60-d7c367d02376';

test('each row is a process', () => {
  expect(parseProcesses(`${UUID}, 812, /usr/bin/python3, 8340\n${UUID}, 9, ollama, 614\n`, UUID)).toEqual([
    { pid: 812, name: '/usr/bin/python3', usedMib: 8340 },
    { pid: 9, name: 'ollama', usedMib: 614 },
  ]);
});

test('no output means no process', () => {
  expect(parseProcesses('', UUID)).toEqual([]);
});

test('a name with commas is read whole', () => {
  expect(parseProcesses(`${UUID}, 812, /opt/a, b,c/run, 8340\n`, UUID)).toEqual([{ pid: 812, name: '/opt/a, b,c/run', usedMib: 8340 }]);
});

test('processes of other cards are skipped', () => {
  expect(parseProcesses(`${OTHER}, 1, x, 5\n${UUID}, 2, y, 6\n`, UUID)).toEqual([{ pid: 2, name: 'y', usedMib: 6 }]);
});

describe('a use that the driver does not tell is null', () => {
  test.each(['[N/A]', '[Not Supported]', '[Insufficient Permissions]', '-4', 'many', ''])('%s', (odd) => {
    expect(parseProcesses(`${UUID}, 812, [Not Found], ${odd}\n`, UUID)).toEqual([{ pid: 812, name: null, usedMib: null }]);
  });
});

test('control characters do not reach logs and terminals', () => {
  expect(parseProcesses(`${UUID}, 812, a\u001b[31mb\u0000, 5\n`, UUID)).toEqual([{ pid: 812, name: 'a [31mb ', usedMib: 5 }]);
});

describe('a line that makes no sense hides the whole list', () => {
  test.each([
    ['garbage', 'garbage\n'],
    ['a pid that is none', `${UUID}, [N/A], x, 5\n`],
    ['pid 0', `${UUID}, 0, x, 5\n`],
    ['a missing column', `${UUID}, 812, 5\n`],
    ['no uuid', '[N/A], 812, x, 5\n'],
    ['a name with a line break', `${UUID}, 812, x\n, 5\n`],
    ['a last line that was cut', `${UUID}, 812, x, 83`],
    ['an error among the rows', `${UUID}, 812, x, 5\nUnable to determine the device handle\n`],
  ])('%s', (_, text) => {
    expect(parseProcesses(text, UUID)).toBeNull();
  });
});
