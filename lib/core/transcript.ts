import { isRecord } from './records.ts';

/** What a client of OpenAI's gets for whisper-server's JSON. */
export interface TranscriptShape {
  readonly format: 'json' | 'verbose_json';
  readonly withWords: boolean;
}

/** A word and when it is spoken, s. */
interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** In these scripts no space tells where a word begins. */
const WITHOUT_SPACES = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** OpenAI's shape of whisper-server's JSON; null: it cannot be understood. */
export function transcriptOf(document: unknown, { format, withWords }: TranscriptShape): Readonly<Record<string, unknown>> | null {
  if (!isRecord(document) || typeof document['text'] !== 'string') return null;
  const text = document['text'].trim();
  if (format === 'json') return { text };
  const { task = null, language = null, duration = null, segments } = document;
  if (!Array.isArray(segments) || !segments.every(isRecord)) return null;
  const words = withWords ? { words: segments.flatMap(wordsOf) } : {};
  return { task, language, duration, text, ...words, segments: segments.map(segmentOf) };
}

/** whisper-server knows neither where in the audio a window began nor how well a text can be compressed. */
function segmentOf(segment: Readonly<Record<string, unknown>>, index: number): Readonly<Record<string, unknown>> {
  const { id = index, start = null, end = null, text = '', tokens = [], temperature = null, avg_logprob = null, no_speech_prob = null } = segment;
  return { id, seek: 0, start, end, text, tokens, temperature, avg_logprob, compression_ratio: null, no_speech_prob };
}

/** Its words are tokens, which may be parts of words: one that does not begin with a space goes on with the word before it. */
function wordsOf({ words }: Readonly<Record<string, unknown>>): readonly Word[] {
  const joined: Word[] = [];
  for (const { word, start, end } of Array.isArray(words) ? words.filter(isWord) : []) {
    const last = joined.at(-1);
    const goesOn = last !== undefined && !word.startsWith(' ') && !WITHOUT_SPACES.test(word);
    if (goesOn) joined[joined.length - 1] = { word: last.word + word, start: last.start, end };
    else joined.push({ word: word.trim(), start, end });
  }
  return joined.filter(({ word }) => word !== '');
}

function isWord(value: unknown): value is Word {
  return isRecord(value) && typeof value['word'] === 'string' && typeof value['start'] === 'number' && typeof value['end'] === 'number';
}
