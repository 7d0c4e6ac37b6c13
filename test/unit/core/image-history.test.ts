import { describe, expect, test } from '@jest/globals';
import { outcomeOf, viewPath } from '../../../lib/core/image-history.ts';

const image = (filename: string, type = 'output') => ({ filename, subfolder: '', type });
const done = (outputs: unknown) => ({ id: { outputs, status: { status_str: 'success', completed: true, messages: [] } } });
const failed = (...messages: unknown[]) => ({ id: { outputs: {}, status: { status_str: 'error', completed: false, messages } } });

describe('a job', () => {
  test.each<[string, unknown]>([['nothing', undefined], ['no job', {}], ['another job', { other: {} }], ['a word', { id: 'done' }]])('is not known to have ended where the history has %s', (_, history) => {
    expect(outcomeOf(history, 'id', null)).toEqual({ type: 'unsure' });
  });

  test('that has ended has the images that were saved, in the order of their nodes', () => {
    const outputs = { 12: { images: [image('c')] }, 9: { images: [image('a'), image('b'), image('shown', 'temp')] }, 10: { text: ['x'] } };
    expect(outcomeOf(done(outputs), 'id', null)).toEqual({ type: 'done', images: [image('a'), image('b'), image('c')] });
  });

  test('has those of the node that is asked for, also if they were only shown', () => {
    expect(outcomeOf(done({ 9: { images: [image('a')] }, 12: { images: [image('b', 'temp')] } }), 'id', '12')).toEqual({ type: 'done', images: [image('b', 'temp')] });
  });

  test('may have none, or some that cannot be understood', () => {
    expect(outcomeOf(done({ 9: { images: [5, {}, { filename: 7 }] }, 10: {} }), 'id', null)).toEqual({ type: 'done', images: [] });
  });

  test('has of the node that is asked for what can be understood, in the main folder of what was saved where nothing else is said', () => {
    const odd = [null, 'a', { filename: 7 }, { filename: 'a', subfolder: 7 }, { filename: 'a', type: 7 }];
    expect(outcomeOf(done({ 9: { images: [...odd, { filename: 'a' }] } }), 'id', '9')).toEqual({ type: 'done', images: [image('a')] });
  });

  test('may have nothing that it made', () => {
    for (const outputs of [undefined, null, 'x', []]) expect(outcomeOf(done(outputs), 'id', null)).toEqual({ type: 'done', images: [] });
  });

  test('that has failed without any messages says so', () => {
    for (const messages of [undefined, 'x', [5]]) {
      expect(outcomeOf({ id: { status: { status_str: 'error', messages } } }, 'id', null)).toEqual({ type: 'failed', message: 'the workflow failed' });
    }
  });

  test.each<[string, unknown[], string]>([
    ['in a node', [['execution_start', {}], ['execution_error', { node_type: 'KSampler', exception_message: 'out of memory\n' }]], 'KSampler failed: out of memory'],
    ['without words', [['execution_error', {}]], 'the workflow failed'],
    ['by an interruption', [['execution_interrupted', { node_type: 'KSampler' }]], 'the workflow was interrupted'],
    ['somehow', [], 'the workflow failed'],
  ])('that has failed %s says so', (_, messages, message) => {
    expect(outcomeOf(failed(...messages), 'id', null)).toEqual({ type: 'failed', message });
  });
});

test('the path of an image keeps odd names in their place', () => {
  expect(viewPath({ filename: 'a&b #1.png', subfolder: 'x/y', type: 'output' })).toBe('/view?filename=a%26b%20%231.png&subfolder=x%2Fy&type=output');
});
