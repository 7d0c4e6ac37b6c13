import type { FormPart } from './form-scan.ts';
import { anything, checkParams, only, valueOf } from './params.ts';
import type { ParamFault, Params, Rule } from './params.ts';
import type { TranslatedOperation } from './translations.ts';

export type TranscriptFormat = 'json' | 'verbose_json' | 'text' | 'srt' | 'vtt';

/** What is to be written down, and what becomes of the form on its way to whisper-server. */
export interface TranscriptionRequest {
  readonly type: 'transcription';
  readonly format: TranscriptFormat;
  /** The answer has each word with its times. */
  readonly withWords: boolean;
  /** Names of parts that go. */
  readonly strip: readonly string[];
  readonly set: Params;
}

/** What a form says, and what the configuration changes in it. */
export interface AskedTranscription {
  readonly operation: TranslatedOperation;
  readonly parts: readonly FormPart[];
  readonly strip: readonly string[];
  readonly set: Params;
}

const FORMATS: readonly TranscriptFormat[] = ['json', 'text', 'srt', 'verbose_json', 'vtt'];
const GRANULARITIES = 'timestamp_granularities[]';
/** whisper-server has no field for these; what they ask for is done here, or is so anyway. */
const OURS: readonly string[] = ['model', 'stream', GRANULARITIES];
/** In place of the text of a file, and of a field that is too large or encoded. */
const FILE: unique symbol = Symbol('file');
const UNREAD: unique symbol = Symbol('unread');

/** Reads the form of POST /v1/audio/transcriptions or translations for whisper-server. */
export function readTranscription(asked: AskedTranscription): TranscriptionRequest | ParamFault {
  const isTranslation = asked.operation === '/v1/audio/translations';
  const params = paramsOf(asked);
  const format = FORMATS.find((each) => each === valueOf(params, 'response_format')) ?? 'json';
  const rules = isTranslation ? translationRules(asked.set) : transcriptionRules(format);
  const fault = repeated(asked) ?? checkParams(params, rules);
  if (fault !== null) return fault;
  // Otherwise it would take the language that it was started with for the one that is spoken.
  const set = isTranslation ? { language: 'auto', ...asked.set, translate: 'true' } : asked.set;
  const withWords = itemsOf(valueOf(params, GRANULARITIES)).includes('word');
  return { type: 'transcription', format, withWords, strip: [...asked.strip, ...OURS], set };
}

/** By name; granularities as a list, since there may be several. */
function paramsOf({ parts, strip, set }: AskedTranscription): Params {
  const sent = new Map<string, unknown>();
  for (const { name, fileName, text } of parts.filter((part) => !strip.includes(part.name))) {
    const value = fileName === null ? (text ?? UNREAD) : FILE;
    sent.set(name, name === GRANULARITIES ? [...itemsOf(sent.get(name)), value] : value);
  }
  return { ...Object.fromEntries(sent), ...set };
}

/** Some servers take the first of two, and some the last. */
function repeated({ parts, strip }: AskedTranscription): ParamFault | null {
  const names = parts.map(({ name }) => name).filter((name) => name !== GRANULARITIES && !strip.includes(name));
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined ? null : { type: 'bad', message: `${JSON.stringify(twice.slice(0, 64))} comes more than once` };
}

function commonRules(): Readonly<Record<string, Rule>> {
  return {
    file: (value) => (value === FILE ? null : { type: 'bad', what: 'a file to listen to' }),
    model: anything,
    prompt: aText,
    response_format: only(FORMATS, `only ${FORMATS.join(', ')}`),
    temperature: (value) => (value === undefined || isFraction(value) ? null : { type: 'bad', what: 'a number from 0 to 1' }),
    stream: only(['false', false], 'the answer comes as a whole'),
  };
}

function transcriptionRules(format: TranscriptFormat): Readonly<Record<string, Rule>> {
  return { ...commonRules(), language: aText, [GRANULARITIES]: granularityRule(format) };
}

/** Which language is spoken OpenAI's clients do not say here; the configuration may. */
function translationRules(set: Params): Readonly<Record<string, Rule>> {
  return Object.hasOwn(set, 'language') ? { ...commonRules(), language: aText } : commonRules();
}

const aText: Rule = (value) => (value === undefined || typeof value === 'string' ? null : { type: 'bad', what: 'a text of at most 64 KiB' });

function granularityRule(format: TranscriptFormat): Rule {
  return (value) => {
    const asked = itemsOf(value);
    if (asked.some((each) => each !== 'segment' && each !== 'word')) return { type: 'unsupported', what: 'only segment and word' };
    const lacksWords = asked.includes('word') && format !== 'verbose_json';
    return lacksWords ? { type: 'unsupported', what: 'word only with response_format verbose_json' } : null;
  };
}

function isFraction(value: unknown): boolean {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && number >= 0 && number <= 1;
}

function itemsOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
