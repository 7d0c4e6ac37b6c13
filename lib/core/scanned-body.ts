import type { FormScan, WholeFormScan } from './form-scan.ts';
import type { JsonObjectScan, JsonScan } from './json-scan.ts';

/** What has been found out about a body, whichever of the two it is. */
export type ScannedBody = JsonScan | FormScan;

/** The model that a body asks for. */
export type AskedModel =
  | { readonly type: 'found'; readonly model: string }
  | { readonly type: 'none' }
  /** With a sentence for the client. */
  | { readonly type: 'fault'; readonly message: string };

/** Longer than any name of a model is. */
const MAX_MODEL = 256;
/** Control characters, and halves of characters. */
const NOT_IN_NAMES = /[\p{Cc}\p{Cs}]/u;
const NONE: AskedModel = { type: 'none' };
/** These stand in for values that were not kept, or that are none. */
const TOO_LONG = ' '.repeat(MAX_MODEL + 1);
const NO_STRING = false;

/** The `model` of a body. None: it has none, or it is empty or null. A body that is at fault has that fault here too. */
export function modelIn(scan: ScannedBody): AskedModel {
  if (scan.type === 'fault') return scan;
  const [value, ...others] = scan.type === 'form' ? inForm(scan, 'model') : inObject(scan, 'model');
  if (others.length > 0) return fault('comes more than once');
  if (value === undefined || value === null || value === '') return NONE;
  return checked(value);
}

function checked(model: unknown): AskedModel {
  if (typeof model !== 'string') return fault('is not a string');
  if (model.length > MAX_MODEL) return fault(`is longer than ${MAX_MODEL} characters`);
  return NOT_IN_NAMES.test(model) ? fault('has characters that no name has') : { type: 'found', model };
}

/** Whether a JSON body asks for its answer piece by piece. Of several `stream` the last counts, as it does for the consumers' parsers. */
export function asksForStream(scan: ScannedBody): boolean {
  return scan.type === 'object' && scan.members.findLast(({ name }) => name === 'stream')?.text === 'true';
}

/** The values of all members of this name. */
function inObject({ members }: JsonObjectScan, name: string): unknown[] {
  return members.filter((member) => member.name === name).map(({ text }) => (text === null ? TOO_LONG : parsed(text)));
}

/** The values of all parts of this name. */
function inForm({ parts }: WholeFormScan, name: string): unknown[] {
  return parts.filter((part) => part.name === name).map(({ text, fileName, valueStart, valueEnd }) => {
    if (text !== null) return text;
    return fileName === null && valueEnd - valueStart > MAX_MODEL ? TOO_LONG : NO_STRING;
  });
}

/** What is no valid JSON is no string either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return NO_STRING;
  }
}

function fault(reason: string): AskedModel {
  return { type: 'fault', message: `the model in the body ${reason}` };
}
