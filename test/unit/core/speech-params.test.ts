import { describe, expect, test } from '@jest/globals';
import { readSpeech } from '../../../lib/core/speech-params.ts';

const INPUT = { model: 'tts-1', input: 'Good day.' };
const unsupported = (...parameters: string[]) => expect.objectContaining({ type: 'unsupported', parameters });

describe('a request for speech', () => {
  test.each<[string, object]>([
    ['says no more than it has to', {}],
    ['asks for WAV', { response_format: 'wav' }],
    ["asks for one of OpenAI's voices", { voice: 'alloy' }],
    ['asks for it by its id', { voice: { id: 'cedar' } }],
    ['says what is so anyway', { speed: 1, instructions: '', stream_format: 'audio' }],
    ['has nulls', { voice: null, speed: null, instructions: null }],
  ])('is accepted where it %s', (_, more) => {
    expect(readSpeech({ ...INPUT, ...more }, [])).toEqual({ type: 'speech', text: 'Good day.', voice: null });
  });

  test.each(['alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'fable', 'marin', 'nova', 'onyx', 'sage', 'shimmer', 'verse'])("may ask for OpenAI's voice %s", (voice) => {
    expect(readSpeech({ ...INPUT, voice }, [])).toMatchObject({ type: 'speech', voice: null });
  });

  test.each<[string, unknown, string]>([
    ['speed', 2, 'speed (only 1)'],
    ['instructions', 'whisper', 'instructions (none are followed)'],
    ['stream_format', 'sse', 'stream_format (only audio)'],
    ['voice', 'mine', "voice (no voices are configured; alloy, ash, ballad, cedar, coral, echo, fable, marin, nova, onyx, sage, shimmer, verse stand for the server's own)"],
  ])('is told what there is of %s', (name, value, what) => {
    expect(readSpeech({ ...INPUT, [name]: value }, [])).toMatchObject({ message: expect.stringContaining(what) });
  });

  test.each(['mp3', 'opus', 'aac', 'flac', 'pcm'])('is refused in the format %s, and told what there is', (format) => {
    const fault = readSpeech({ ...INPUT, response_format: format }, []);
    expect(fault).toEqual(unsupported('response_format'));
    expect(fault).toMatchObject({ message: expect.stringContaining('response_format (only wav)') });
  });

  test.each<[string, unknown]>([['speed', 1.5], ['instructions', 'whisper'], ['stream_format', 'sse'], ['voice', 'my-voice'], ['language', 'de'], ['constructor', 1]])(
    'is refused for %s as %p',
    (name, value) => {
      expect(readSpeech({ ...INPUT, [name]: value }, [])).toEqual(unsupported(name));
    },
  );

  test('is refused for all that is not supported at once', () => {
    const fault = readSpeech({ ...INPUT, response_format: 'mp3', speed: 2, volume: 3 }, []);
    expect(fault).toEqual(unsupported('response_format', 'speed', 'volume'));
    expect(fault).toMatchObject({ message: expect.stringContaining('the parameters that there are: model, input, voice') });
  });

  test.each<[string, object]>([
    ['has no text', { input: undefined }],
    ['has an empty text', { input: '' }],
    ['has a text that is none', { input: 5 }],
    ['has a voice that is none', { voice: 7 }],
    ['has a voice without an id', { voice: {} }],
    ['has a voice whose id is no text', { voice: { id: 7 } }],
  ])('is a bad one where it %s', (_, more) => {
    const message = 'voice' in more ? 'voice: expected the name of a voice, or an object with its id' : 'input: expected a text';
    expect(readSpeech({ ...INPUT, ...more }, [])).toEqual({ type: 'bad', message });
  });
});

describe('with configured voices', () => {
  const voices = ['anna', 'bernd'];

  test('one of them is passed on', () => {
    expect(readSpeech({ ...INPUT, voice: 'bernd' }, voices)).toMatchObject({ voice: 'bernd' });
    expect(readSpeech({ ...INPUT, voice: { id: 'anna' } }, voices)).toMatchObject({ voice: 'anna' });
  });

  test('any other is refused, and those that there are named', () => {
    const fault = readSpeech({ ...INPUT, voice: 'alloy' }, voices);
    expect(fault).toEqual(unsupported('voice'));
    expect(fault).toMatchObject({ message: expect.stringContaining('voice (only anna, bernd)') });
  });

  test('none is passed on where none is asked for', () => {
    expect(readSpeech(INPUT, voices)).toMatchObject({ voice: null });
  });
});

test('an odd name goes into the message as a JSON text, shortened', () => {
  expect(readSpeech({ ...INPUT, [`a"\n${'x'.repeat(100)}`]: 1 }, [])).toMatchObject({ message: expect.stringContaining(`not supported here: "a\\"\\n${'x'.repeat(61)}";`) });
});
