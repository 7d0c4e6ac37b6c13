import { anything, checkParams, only, someText, textOf, valueOf } from './params.ts';
import type { ParamFault, Params, Rule } from './params.ts';

/** What is to be spoken; `voice` null: in the server's own voice. */
export interface SpeechRequest {
  readonly type: 'speech';
  readonly text: string;
  readonly voice: string | null;
}

/** OpenAI's own voices: its SDKs have to send one, whoever speaks. https://platform.openai.com/docs/guides/text-to-speech */
const BUILT_IN: readonly string[] = [
  'alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'fable', 'marin', 'nova', 'onyx', 'sage', 'shimmer', 'verse',
];

/**
 * Reads the parameters of POST /v1/audio/speech for a server that renders WAV from a text. `voices`: those that it is configured
 * to have; without any, one of OpenAI's own stands for the server's voice.
 */
export function readSpeech(params: Params, voices: readonly string[]): SpeechRequest | ParamFault {
  const rules = {
    model: anything,
    input: someText,
    voice: voiceRule(voices),
    response_format: only(['wav'], 'only wav'),
    speed: only([1], 'only 1'),
    instructions: only([''], 'none are followed'),
    stream_format: only(['audio'], 'only audio'),
  };
  const voice = voices.length === 0 ? null : voiceIn(valueOf(params, 'voice'));
  return checkParams(params, rules) ?? { type: 'speech', text: textOf(params, 'input') ?? '', voice };
}

function voiceRule(voices: readonly string[]): Rule {
  const allowed = voices.length === 0 ? BUILT_IN : voices;
  const what = voices.length === 0 ? `no voices are configured; ${BUILT_IN.join(', ')} stand for the server's own` : `only ${voices.join(', ')}`;
  return (value) => {
    if (value === undefined) return null;
    const voice = voiceIn(value);
    if (voice === null) return { type: 'bad', what: 'the name of a voice, or an object with its id' };
    return allowed.includes(voice) ? null : { type: 'unsupported', what };
  };
}

/** By name, or as an object with an id. */
function voiceIn(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null;
}
