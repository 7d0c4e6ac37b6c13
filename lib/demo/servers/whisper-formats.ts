import type { Content } from './http.ts';

/** What is said of a recording. */
export interface Transcription {
  readonly text: string;
  readonly seconds: number;
  /** Off with the form field `no_language_probabilities`. */
  readonly withLanguages: boolean;
}

/** The answer in the format that the form field `response_format` names; an unknown one is `text`. */
export function formatted(format: string, said: Transcription): Content {
  const { text, seconds: end } = said;
  switch (format) {
    case 'json':
      return { type: 'application/json', body: JSON.stringify({ text: ` ${text}\n` }) };
    case 'srt':
      return { type: 'application/x-subrip', body: `1\n${stamp(0, ',')} --> ${stamp(end, ',')}\n ${text}\n\n` };
    case 'vtt':
      return { type: 'text/vtt', body: `WEBVTT\n\n${stamp(0, '.')} --> ${stamp(end, '.')}\n ${text}\n\n` };
    case 'verbose_json':
      return { type: 'application/json', body: JSON.stringify(verbose(said)) };
    default:
      return { type: 'text/html; charset=utf-8', body: ` ${text}\n` };
  }
}

function stamp(seconds: number, separator: string): string {
  return new Date(seconds * 1000).toISOString().slice(11, 23).replace('.', separator);
}

function verbose({ text, seconds, withLanguages }: Transcription): unknown {
  const spoken = text.split(' ');
  const share = seconds / spoken.length;
  const words = spoken.map((word, at) => ({ word: ` ${word}`, start: at * share, end: (at + 1) * share, t_dtw: -1, probability: 0.98 }));
  const tokens = spoken.map((_, at) => 50_364 + at);
  const segment = { id: 0, text: ` ${text}`, start: 0, end: seconds, tokens, words, temperature: 0, avg_logprob: -0.2, no_speech_prob: 0.01 };
  const languages = { detected_language: 'english', detected_language_probability: 0.99, language_probabilities: { en: 0.99, de: 0.01 } };
  const common = { task: 'transcribe', language: 'english', duration: seconds, text: ` ${text}\n`, segments: [segment] };
  return withLanguages ? { ...common, ...languages } : common;
}
