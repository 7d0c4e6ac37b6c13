import { describe, expect, test } from '@jest/globals';
import { readTranscription } from '../../../lib/core/transcription-params.ts';
import type { AskedTranscription } from '../../../lib/core/transcription-params.ts';

type Field = readonly [name: string, value: string | null];

const FILE = { name: 'file', fileName: 'a.wav', text: null };
const at = { start: 0, valueStart: 0, valueEnd: 0 };

function read(fields: readonly Field[], more: Partial<AskedTranscription> = {}): ReturnType<typeof readTranscription> {
  const parts = [FILE, ...fields.map(([name, text]) => ({ name, fileName: null, text }))].map((part) => ({ ...part, ...at }));
  return readTranscription({ operation: '/v1/audio/transcriptions', parts, strip: [], set: {}, ...more });
}

const translation = (fields: readonly Field[], set = {}) => read(fields, { operation: '/v1/audio/translations', set });
const unsupported = (...parameters: string[]) => expect.objectContaining({ type: 'unsupported', parameters });
const OURS = ['model', 'stream', 'timestamp_granularities[]'];

describe('a request for a transcript', () => {
  test.each<[string, readonly Field[]]>([
    ['says no more than it has to', []],
    ['has a model and no stream', [['model', 'whisper-1'], ['stream', 'false']]],
    ['has what whisper-server takes as it is', [['language', 'de'], ['prompt', 'Names'], ['temperature', '0.2'], ['response_format', 'json']]],
    ['wants the times of segments', [['timestamp_granularities[]', 'segment']]],
  ])('is accepted where it %s', (_, fields) => {
    expect(read(fields)).toEqual({ type: 'transcription', format: 'json', withWords: false, strip: OURS, set: {} });
  });

  test.each(['json', 'text', 'srt', 'verbose_json', 'vtt'])('may want %s', (format) => {
    expect(read([['response_format', format]])).toMatchObject({ format });
  });

  test('may want the times of words with verbose_json', () => {
    expect(read([['response_format', 'verbose_json'], ['timestamp_granularities[]', 'segment'], ['timestamp_granularities[]', 'word']])).toMatchObject({ withWords: true });
  });

  test('may want the times of words in whichever order it says so', () => {
    expect(read([['response_format', 'verbose_json'], ['timestamp_granularities[]', 'word'], ['timestamp_granularities[]', 'segment']])).toMatchObject({ withWords: true });
  });

  test.each(['0', '0.5', '1'])('may have a temperature of %s', (temperature) => {
    expect(read([['temperature', temperature]])).toMatchObject({ type: 'transcription' });
  });

  test.each<[Field, string]>([
    [['response_format', 'diarized_json'], 'response_format (only json, text, srt, verbose_json, vtt)'],
    [['stream', 'true'], 'stream (the answer comes as a whole)'],
    [['timestamp_granularities[]', 'sentence'], 'timestamp_granularities[] (only segment and word)'],
    [['timestamp_granularities[]', 'word'], 'timestamp_granularities[] (word only with response_format verbose_json)'],
  ])('is told what there is instead of %j', (field, what) => {
    expect(read([field])).toMatchObject({ message: expect.stringContaining(what) });
  });

  test.each<Field>([
    ['response_format', 'diarized_json'],
    ['stream', 'true'],
    ['timestamp_granularities[]', 'word'],
    ['timestamp_granularities[]', 'sentence'],
    ['include[]', 'logprobs'],
    ['chunking_strategy', 'auto'],
    ['known_speaker_names[]', 'Anna'],
    ['known_speaker_references[]', 'data:'],
    ['translate', 'true'],
  ])('is refused for %s as %s', (name, value) => {
    expect(read([[name, value]])).toEqual(unsupported(name));
  });

  test('is refused for all that is not supported at once', () => {
    expect(read([['stream', 'true'], ['translate', 'true']])).toEqual(unsupported('stream', 'translate'));
  });

  test.each<[string, readonly Field[], string]>([
    ['a temperature over 1', [['temperature', '1.5']], 'temperature: expected a number from 0 to 1'],
    ['a temperature below 0', [['temperature', '-0.1']], 'temperature: expected a number from 0 to 1'],
    ['a blank temperature', [['temperature', ' ']], 'temperature: expected a number from 0 to 1'],
    ['a long name twice', [['x'.repeat(65), ''], ['x'.repeat(65), '']], `"${'x'.repeat(64)}" comes more than once`],
    ['a temperature that is no number', [['temperature', '']], 'temperature: expected a number from 0 to 1'],
    ['a prompt that is too large', [['prompt', null]], 'prompt: expected a text of at most 64 KiB'],
    ['two languages', [['language', 'de'], ['language', 'en']], '"language" comes more than once'],
  ])('is a bad one with %s', (_, fields, message) => {
    expect(read(fields)).toEqual({ type: 'bad', message });
  });

  test.each<[string, AskedTranscription['parts']]>([
    ['without a file', []],
    ['with a field in place of the file', [{ name: 'file', fileName: null, text: 'RIFF', ...at }]],
  ])('is a bad one %s', (_, parts) => {
    expect(read([], { parts })).toEqual({ type: 'bad', message: 'file: expected a file to listen to' });
  });
});

describe('what the configuration strips and sets', () => {
  test('is not held against the client', () => {
    expect(read([['chunking_strategy', 'auto'], ['stream', 'true']], { strip: ['chunking_strategy', 'stream'] })).toMatchObject({ strip: ['chunking_strategy', 'stream', ...OURS] });
  });

  test('may be no texts', () => {
    const set = { response_format: 'verbose_json', temperature: 0.2, stream: false, 'timestamp_granularities[]': 'word' };
    expect(read([], { set })).toMatchObject({ type: 'transcription', withWords: true, set });
  });

  test('decides about the form of the answer', () => {
    expect(read([['response_format', 'text']], { set: { response_format: 'verbose_json' } })).toMatchObject({ format: 'verbose_json' });
  });
});

describe('a request for a translation', () => {
  test('has the translation set, out of whatever language', () => {
    expect(translation([['prompt', 'Names']])).toMatchObject({ set: { translate: 'true', language: 'auto' } });
  });

  test('may have its language in the configuration, but not from the client', () => {
    expect(translation([], { language: 'de' })).toMatchObject({ set: { translate: 'true', language: 'de' } });
    expect(translation([['language', 'de']])).toEqual(unsupported('language'));
  });

  test('has no times of words', () => {
    expect(translation([['timestamp_granularities[]', 'word']])).toEqual(unsupported('timestamp_granularities[]'));
  });
});
