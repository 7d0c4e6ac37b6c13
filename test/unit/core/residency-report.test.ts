import { describe, expect, test } from '@jest/globals';
import { readBusy, readResidency } from '../../../lib/core/self-report.ts';
import { configuredConsumer } from '../../support/configured.ts';

const MIB = 1024 * 1024;

function reportOf(check: Readonly<Record<string, unknown>>, document: unknown, status: number) {
  const { residency: setting } = configuredConsumer({ residency: { path: '/x', ...check } });
  if (setting === undefined) throw new Error('no residency');
  return readResidency(setting, { status, document });
}

function residency(check: Readonly<Record<string, unknown>>, document: unknown, status = 200) {
  const { loaded, usedMib, names, isFailed } = reportOf(check, document, status);
  return [loaded, usedMib, names, isFailed];
}

describe('a list of what is loaded', () => {
  const LIST = { items: '/models', name: '/name', bytes: '/vram' };
  test.each([
    ['empty: absent, and uses nothing', { models: [] }, [false, 0, [], false]],
    ['with two: resident, with their sum', { models: [{ name: 'a', vram: MIB }, { name: 'b', vram: 2 * MIB }] }, [true, 3, ['a', 'b'], false]],
    ['with 0 bytes: resident, use not known', { models: [{ name: 'a', vram: 0 }] }, [true, null, ['a'], false]],
    ['with odd bytes: they do not count', { models: [{ name: 'a', vram: 'much' }, { name: 'b', vram: -1 }, { name: 'c', vram: MIB }] }, [true, 1, ['a', 'b', 'c'], false]],
    ['without names: none to be called by', { models: [{ name: 7 }] }, [true, null, [], false]],
    ['that is none: it says nothing', { models: 'none' }, [null, null, null, false]],
    ['that is missing: it says nothing', undefined, [null, null, null, false]],
  ])('%s', (_name, document, expected) => expect(residency(LIST, document)).toEqual(expected));

  test('of names only is one too', () => {
    expect(residency({ items: '/models' }, { models: ['a', 'b'] })).toEqual([true, null, ['a', 'b'], false]);
  });
  test('with what each would take in all tells that as well, and without says nothing of it', () => {
    const document = { models: [{ vram: MIB, size: 4 * MIB }, { vram: MIB, size: MIB }] };
    expect(reportOf({ ...LIST, total_bytes: '/size' }, document, 200)).toMatchObject({ usedMib: 2, wantsMib: 5 });
    expect(reportOf(LIST, document, 200)).not.toHaveProperty('wantsMib');
  });
  test('with states counts those that mean loaded, and tells of those that mean failed', () => {
    const states = { items: '/data', name: '/id', state: '/status/value', loaded: ['loaded', 'sleeping'], failed: ['failed'] };
    const item = (id: string, value: string) => ({ id, status: { value } });
    expect(residency(states, { data: [item('a', 'loaded'), item('b', 'unloaded'), item('c', 'sleeping')] })).toEqual([true, null, ['a', 'c'], false]);
    expect(residency(states, { data: [item('a', 'unloaded'), item('b', 'failed')] })).toEqual([false, null, [], true]);
  });
});

describe('a value', () => {
  test.each([
    [{ asleep: true }, false],
    [{ asleep: false }, true],
    [{}, null],
    [{ asleep: null }, null],
  ])('in %j means %j', (document, loaded) => expect(residency({ value: '/asleep', absent_when: true }, document)[0]).toBe(loaded));
});

describe('bytes alone', () => {
  test.each([
    [{ vram: 5 * MIB }, 5],
    [{ vram: 0 }, 0],
    [{ vram: null }, null],
    [{ vram: Number.NaN }, null],
    [{ vram: JSON.parse('1e999') }, null],
    [{ vram: '7' }, null],
  ])('in %j are %j MiB, and say nothing else', (document, usedMib) => {
    expect(residency({ bytes: '/vram' }, document)).toEqual([null, usedMib, null, false]);
  });
});

describe('a status', () => {
  test('that means nothing is loaded says so', () => expect(residency({ absent_status: [503] }, undefined, 503)).toEqual([false, null, [], false]));
  test('that means nothing is loaded may be all that is asked for: any other says nothing', () => {
    expect(residency({ absent_status: [503] }, { models: [] }, 200)).toEqual([null, null, null, false]);
  });
  test.each([200, 299])('%i means that the answer counts', (status) => {
    expect(residency({ items: '/models' }, { models: [] }, status)).toEqual([false, null, [], false]);
  });
  test.each([199, 300, 302, 404, 500])('%i means nothing else', (status) => {
    expect(residency({ items: '/models' }, { models: [] }, status)).toEqual([null, null, null, false]);
  });
});

test('a list, a value and a status are believed before memory, and bytes alone are not', () => {
  const exact = { isExact: true };
  expect(reportOf({ items: '/models' }, { models: [] }, 200)).toMatchObject(exact);
  expect(reportOf({ value: '/asleep' }, { asleep: true }, 200)).toMatchObject(exact);
  expect(reportOf({ items: '/models', absent_status: [503] }, undefined, 503)).toMatchObject(exact);
  expect(reportOf({ bytes: '/vram' }, { vram: 0 }, 200)).not.toMatchObject(exact);
});

describe('a busy answer', () => {
  function busy(check: Readonly<Record<string, unknown>>, document: unknown): boolean | null {
    const { busy: setting } = configuredConsumer({ busy: { path: '/x', ...check } });
    if (setting === undefined) throw new Error('no busy');
    return readBusy(setting, document);
  }
  test.each([
    [{ pointer: '/n' }, { n: 0 }, false],
    [{ pointer: '/n' }, { n: 2 }, true],
    [{ pointer: '/n' }, { n: false }, false],
    [{ pointer: '/n' }, { n: true }, true],
    [{ pointer: '/n' }, { n: 'idle' }, null],
    [{ pointer: '/n' }, {}, null],
    [{ pointer: '/n', idle_when: 'idle' }, { n: 'idle' }, false],
    [{ pointer: '/n', idle_when: 'idle' }, { n: 'working' }, true],
    [{ pointer: '/n', idle_when: 'idle' }, { n: null }, null],
    [{ pointer: '/n', idle_when: 'idle' }, { n: {} }, null],
    [{ pointer: '/n', idle_when: 1 }, { n: 1 }, false],
    [{ pointer: '/n', idle_when: 1 }, { n: 0 }, true],
    [{ pointer: '/a', plus: ['/b'] }, { a: 0, b: 0 }, false],
    [{ pointer: '/a', plus: ['/b'] }, { a: 0, b: 1 }, true],
    [{ pointer: '/a', plus: ['/b'] }, { a: 1, b: 0 }, true],
    [{ pointer: '/a', plus: ['/b'] }, { a: 0 }, null],
    [{ items: '', pointer: '/on' }, [{ on: false }, { on: true }], true],
    [{ items: '', pointer: '/on' }, [{ on: false }], false],
    [{ items: '', pointer: '/on' }, [], false],
    [{ items: '/slots', pointer: '/on' }, { slots: 'none' }, null],
  ])('by %j of %j is %j', (check, document, expected) => expect(busy(check, document)).toBe(expected));
});
