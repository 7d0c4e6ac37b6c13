import { describe, expect, test } from '@jest/globals';
import { fillPath, fillValue, jobIds, jobState, mayStillWork, NO_TRACE } from '../../../lib/core/job.ts';
import { configuredConsumer } from '../../support/configured.ts';

const COMPLETION = { id: '/id', path: '/jobs/{id}', state: '/{id}/state' };

function completion(differences: Readonly<Record<string, unknown>> = {}) {
  const { completion: setting } = configuredConsumer({ completion: { ...COMPLETION, ...differences } });
  if (setting === undefined) throw new Error('no completion');
  return setting;
}

describe('the jobs that an answer names', () => {
  test.each([
    [{ id: 'a' }, ['a']],
    [{ id: 7 }, ['7']],
    [{ id: ['a', 8, null, {}] }, ['a', '8']],
    [{ id: null }, []],
    [{}, []],
    [undefined, []],
  ])('in %j are %j', (document, ids) => expect(jobIds(completion(), document)).toEqual(ids));

  test('are a thousand at most, the first ones', () => {
    const ids = Array.from({ length: 1001 }, (_, index) => String(index));
    expect(jobIds(completion(), { id: ids })).toEqual(ids.slice(0, 1000));
  });
});

describe('the state of a job', () => {
  const ONLY_DONE = { ended: ['done'] };
  test.each([
    [{ status: 200, document: { a: { state: 'any' } } }, {}, 'ended'],
    [{ status: 200, document: { a: { state: 'done' } } }, ONLY_DONE, 'ended'],
    [{ status: 200, document: { a: { state: 'running' } } }, ONLY_DONE, 'running'],
    [{ status: 200, document: {} }, {}, 'unsure'],
    [{ status: 200, document: { a: { state: null } } }, {}, 'unsure'],
    [{ status: 200, document: undefined }, {}, 'unsure'],
    [{ status: 299, document: { a: { state: 'failed' } } }, { ended: ['done', 'failed'] }, 'ended'],
    [{ status: 199, document: { a: { state: 'done' } } }, {}, 'unsure'],
    [{ status: 300, document: { a: { state: 'done' } } }, {}, 'unsure'],
    [{ status: 500, document: { a: { state: 'done' } } }, {}, 'unsure'],
    [{ status: 404, document: {} }, {}, 'lost'],
    [{ status: 410, document: {} }, {}, 'lost'],
  ])('answered with %j is by %j: %s', (answer, differences, state) => {
    expect(jobState(completion(differences), 'a', answer)).toBe(state);
  });
  test('is found under an id with the letters of a pointer', () => {
    expect(jobState(completion(), 'a/b~c', { status: 200, document: { 'a/b~c': { state: 1 } } })).toBe('ended');
  });
});

test('an exchange that left nothing behind has no jobs, was not left and not cut', () => {
  expect(NO_TRACE).toEqual({ ids: [], isAbandoned: false, isCut: false });
});

describe('a consumer may still work after its answer', () => {
  const busy = { path: '/q', pointer: '/n' };
  const cut = { ...NO_TRACE, isCut: true };
  const job = { ...NO_TRACE, ids: ['a'] };
  const atOnce = { busy: { ...busy, ends_with_answer: true } };
  test.each([
    [{ completion: COMPLETION }, job, true],
    [{ completion: COMPLETION }, cut, false],
    [{}, job, false],
    [{ busy }, NO_TRACE, true],
    [atOnce, NO_TRACE, false],
    [atOnce, cut, true],
  ])('with %j and what is left behind being %j: %j', (settings, trace, expected) => {
    expect(mayStillWork(configuredConsumer(settings), trace)).toBe(expected);
  });
});

describe('a name is put in', () => {
  test('paths, percent-encoded, as often as it stands there', () => expect(fillPath('/x/{id}?y={id}&{name}', 'id', 'a/b c')).toBe('/x/a%2Fb%20c?y=a%2Fb%20c&{name}'));
  test('values, as it is, however deep', () => {
    expect(fillValue({ a: ['{id}', 1, null, { b: 'x{id}' }] }, 'id', '$&')).toEqual({ a: ['$&', 1, null, { b: 'x$&' }] });
  });
});
