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
});

describe('the state of a job', () => {
  test.each([
    [200, { a: { state: 'any' } }, {}, 'ended'],
    [200, { a: { state: 'done' } }, { ended: ['done'] }, 'ended'],
    [200, { a: { state: 'running' } }, { ended: ['done'] }, 'running'],
    [200, {}, {}, 'unsure'],
    [200, { a: { state: null } }, {}, 'unsure'],
    [200, undefined, {}, 'unsure'],
    [500, { a: { state: 'done' } }, {}, 'unsure'],
    [404, {}, {}, 'lost'],
    [410, {}, {}, 'lost'],
  ])('answered with %i %j is by %j: %s', (status, document, differences, state) => {
    expect(jobState(completion(differences), 'a', { status, document })).toBe(state);
  });
  test('is found under an id with the letters of a pointer', () => {
    expect(jobState(completion(), 'a/b~c', { status: 200, document: { 'a/b~c': { state: 1 } } })).toBe('ended');
  });
});

describe('a consumer may still work after its answer', () => {
  const busy = { path: '/q', pointer: '/n' };
  const cut = { ...NO_TRACE, isCut: true };
  const job = { ...NO_TRACE, ids: ['a'] };
  test.each([
    ['with jobs that it has named', { completion: COMPLETION }, job, true],
    ['not when it has named none', { completion: COMPLETION }, cut, false],
    ['not when nothing follows jobs', {}, job, false],
    ['when it says itself whether it works', { busy }, NO_TRACE, true],
    ['not when its work ends with its answer', { busy: { ...busy, ends_with_answer: true } }, NO_TRACE, false],
    ['when its answer was cut, though its work ends with it', { busy: { ...busy, ends_with_answer: true } }, cut, true],
  ])('%s', (_name, settings, trace, expected) => expect(mayStillWork(configuredConsumer(settings), trace)).toBe(expected));
});

describe('a name is put in', () => {
  test('paths, percent-encoded, as often as it stands there', () => expect(fillPath('/x/{id}?y={id}&{name}', 'id', 'a/b c')).toBe('/x/a%2Fb%20c?y=a%2Fb%20c&{name}'));
  test('values, as it is, however deep', () => {
    expect(fillValue({ a: ['{id}', 1, null, { b: 'x{id}' }] }, 'id', '$&')).toEqual({ a: ['$&', 1, null, { b: 'x$&' }] });
  });
});
