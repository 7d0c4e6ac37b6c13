import type { FormPart, WholeFormScan } from './form-scan.ts';
import type { JsonMember, JsonObjectScan } from './json-scan.ts';

/** Bytes that stand in for those from `start` to `end` (exclusive) of a body. Lists of them are sorted and do not overlap. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** What becomes of a body. A name that is to be stripped and set is set. */
export interface BodyChanges {
  /** The new `model`; null: as it is. */
  readonly rename: string | null;
  /** Names of members or parts that go. */
  readonly strip: readonly string[];
  /** Values by name: whatever JSON can say. */
  readonly set: Readonly<Record<string, unknown>>;
}

/** What becomes of one member or part. */
type Fate = { readonly type: 'stays' } | { readonly type: 'goes' } | { readonly type: 'set'; readonly value: unknown };

interface Fates {
  /** One for each member or part. */
  readonly fates: readonly Fate[];
  /** Names and values of which there was none. */
  readonly added: readonly (readonly [string, unknown])[];
}

const STAYS: Fate = { type: 'stays' };
const GOES: Fate = { type: 'goes' };

/** How long a body of `length` bytes is with the splices in it. */
export function splicedLength(length: number, splices: readonly Splice[]): number {
  return splices.reduce((sum, { start, end, bytes }) => sum + bytes.length - (end - start), length);
}

/** Changes a JSON object. What it did not have comes behind its opening brace; what goes takes one comma with it. */
export function jsonSplices({ open, members }: JsonObjectScan, changes: BodyChanges): Splice[] {
  const { fates, added } = decide(members, changes);
  const firstStaying = fates.findIndex(({ type }) => type !== 'goes');
  const inserted = added.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
  return [
    ...(inserted === '' ? [] : [splice(open + 1, open + 1, firstStaying === -1 ? inserted : `${inserted},`)]),
    ...members.flatMap((member, index) => {
      const fate = fates[index] ?? STAYS;
      if (fate.type === 'set') return [splice(member.valueStart, member.valueEnd, JSON.stringify(fate.value))];
      if (fate.type === 'stays') return [];
      const before = firstStaying !== -1 && firstStaying < index ? members[index - 1] : undefined;
      return [withoutMember(member, before, members[index + 1])];
    }),
  ];
}

/** `before`: the member before it, if one stays there; then it goes with the comma between them, else with the one after it. */
function withoutMember({ start, valueEnd }: JsonMember, before: JsonMember | undefined, after: JsonMember | undefined): Splice {
  return before === undefined ? splice(start, after?.start ?? valueEnd, '') : splice(before.valueEnd, valueEnd, '');
}

/** Changes a form. What it did not have comes as its last part; a file that is set becomes a field. */
export function formSplices({ parts, close }: WholeFormScan, boundary: string, changes: BodyChanges): Splice[] {
  const { fates, added } = decide(parts, changes);
  const inserted = added.map(([name, value]) => fieldText(boundary, name, value)).join('');
  return [
    ...parts.flatMap((part, index) => {
      const fate = fates[index] ?? STAYS;
      const end = parts[index + 1]?.start ?? close;
      if (fate.type === 'set') return [withValue({ part, end, boundary }, fate.value)];
      return fate.type === 'goes' ? [splice(part.start, end, '')] : [];
    }),
    ...(inserted === '' ? [] : [splice(close, close, inserted)]),
  ];
}

/** `end`: where the next delimiter begins. */
function withValue({ part, end, boundary }: { part: FormPart; end: number; boundary: string }, value: unknown): Splice {
  if (part.fileName === null) return splice(part.valueStart, part.valueEnd, valueText(value));
  return splice(part.start, end, fieldText(boundary, part.name, value));
}

/** A whole part, from its delimiter to the line break before the next. */
function fieldText(boundary: string, name: string, value: unknown): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${valueText(value)}\r\n`;
}

function quoted(name: string): string {
  return name.replaceAll('\\', '\\\\').replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The first of a name that is set takes the value, and its others go. */
function decide(items: readonly { readonly name: string }[], { rename, strip, set }: BodyChanges): Fates {
  const values = new Map(Object.entries(set));
  if (rename !== null) values.set('model', rename);
  const missing = new Map(values);
  const fates = items.map(({ name }): Fate => {
    const value = values.get(name);
    if (missing.delete(name)) return { type: 'set', value };
    return values.has(name) || strip.includes(name) ? GOES : STAYS;
  });
  return { fates, added: [...missing] };
}

function splice(start: number, end: number, text: string): Splice {
  return { start, end, bytes: new TextEncoder().encode(text) };
}
