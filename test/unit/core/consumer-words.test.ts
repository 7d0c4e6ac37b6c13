import { expect, test } from '@jest/globals';
import { consumerWords } from '../../../lib/core/consumer-words.ts';

test.each<[string, unknown, string]>([
  ["OpenAI's servers", { error: { message: 'no such model', type: 'x', code: 404 } }, 'no such model'],
  ['Ollama and whisper-server', { error: 'failed to process audio' }, 'failed to process audio'],
  ['FastAPI', { detail: 'models are not loaded' }, 'models are not loaded'],
  ['FastAPI of a body', { detail: [{ loc: ['body', 'text'], msg: 'Field required' }, { msg: 'too long' }] }, 'Field required; too long'],
  ['ComfyUI', { error: { type: 'x', message: 'Prompt has no outputs', details: '', extra_info: {} }, node_errors: {} }, 'Prompt has no outputs'],
  [
    'ComfyUI of nodes',
    { error: { message: 'Prompt outputs failed validation', details: '' }, node_errors: { 4: { errors: [{ message: 'Value not in list', details: "ckpt_name: 'a'" }] } } },
    "Prompt outputs failed validation; node 4: Value not in list; ckpt_name: 'a'",
  ],
])('the words of %s are found', (_, document, words) => {
  expect(consumerWords(JSON.stringify(document))).toBe(words);
});

test.each<[string, string, string]>([
  ['a text', 'Invalid request\n', 'Invalid request'],
  ['nothing', '', ''],
  ['JSON that says nothing', '{"code":5}', '{"code":5}'],
  ['control characters', 'a\u001b[31mb\r\nc', 'a [31mb c'],
])('%s is given in one line', (_, body, words) => {
  expect(consumerWords(body)).toBe(words);
});

test('a thousand characters are enough', () => {
  expect(consumerWords('x'.repeat(5000))).toHaveLength(1000);
});

test('what is nested without end is not followed', () => {
  const deep = `${'['.repeat(30_000)}"x"${']'.repeat(30_000)}`;
  expect(consumerWords(deep)).toBe('['.repeat(1000));
});
