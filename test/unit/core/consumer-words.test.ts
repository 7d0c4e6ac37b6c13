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

test('nodes without errors are passed over', () => {
  const nodes = { 4: {}, 5: { errors: [] }, 6: { errors: [{ message: 'bad' }] }, 7: 'x' };
  expect(consumerWords(JSON.stringify({ error: 'failed', node_errors: nodes }))).toBe('failed; node 6: bad');
});

test('words are found eight levels down, and no deeper', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}{"error":"x"}${']'.repeat(levels)}`;
  expect(consumerWords(nested(8))).toBe('x');
  expect(consumerWords(nested(9))).toBe(nested(9));
});

test('a thousand characters are enough', () => {
  expect(consumerWords('x'.repeat(5000))).toHaveLength(1000);
});

test('what is nested without end is not followed', () => {
  const deep = `${'['.repeat(30_000)}"x"${']'.repeat(30_000)}`;
  expect(consumerWords(deep)).toBe('['.repeat(1000));
});
