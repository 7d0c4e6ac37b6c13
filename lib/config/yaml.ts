import { constructFromEvents, dump, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException, type Event, type ScalarEvent } from 'js-yaml';
import type { Mark, Marks } from './marks.ts';
import { child, type Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';

/** A YAML file as read. `ok: false`: nothing more can be said about it than the faults. */
export type YamlResult =
  | { readonly ok: true; readonly value: unknown; readonly marks: Marks; readonly faults: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** One pass over the parser's events. */
interface Walk {
  readonly text: string;
  readonly events: readonly Event[];
  next: number;
  readonly marks: Map<Pointer, Mark>;
  readonly duplicates: Fault[];
  /** Faults that leave no value worth checking. */
  readonly fatal: Fault[];
}

/** Where a node hangs: its pointer, its key's offset, and the offset to use for an empty value. */
interface Slot {
  readonly pointer: Pointer;
  readonly key: number | null;
  readonly fallback: number;
}

/** Reads one YAML 1.2 document and where each of its nodes is. Never throws. */
export function readYaml(text: string): YamlResult {
  try {
    return readEvents(text, parseEvents(text, {}));
  } catch (error) {
    return { ok: false, faults: [syntaxFault(text, error)] };
  }
}

/** A plain value as YAML; what lies deeper than `flowLevel` stands on one line, in braces and brackets. */
export function dumpYaml(value: unknown, flowLevel: number): string {
  return dump(value, { flowLevel, flowBracketPadding: true, lineWidth: -1, noRefs: true });
}

function readEvents(text: string, events: Event[]): YamlResult {
  const walk: Walk = { text, events, next: 1, marks: new Map(), duplicates: [], fatal: [] };
  if (events.length > 0) walkNode(walk, { pointer: '', key: null, fallback: 0 });
  const fatal = [...walk.fatal, ...documentFaults(text, events)];
  if (fatal.length > 0) return { ok: false, faults: [...fatal, ...walk.duplicates] };
  // With duplicates known, `json` keeps the constructor from stopping at the first of them.
  const [value] = constructFromEvents(events, { source: text, maxAliases: 0, json: walk.duplicates.length > 0 });
  if (value === null || value === undefined) return { ok: false, faults: [emptyFault()] };
  return { ok: true, value, marks: walk.marks, faults: walk.duplicates };
}

function walkNode(walk: Walk, slot: Slot): void {
  const event = walk.events[walk.next++];
  if (event === undefined) return;
  const start = startOf(event);
  walk.marks.set(slot.pointer, { key: slot.key, value: start ?? slot.fallback });
  if (event.type === EVENT_ID.MAPPING) walkMapping(walk, slot.pointer);
  if (event.type === EVENT_ID.SEQUENCE) walkSequence(walk, slot);
  // Refused before anything follows them, so that no bomb of nested aliases is ever walked.
  if (event.type === EVENT_ID.ALIAS) walk.fatal.push(fatal(start ?? slot.fallback, 'plain YAML without anchors and aliases', 'an alias'));
}

function walkMapping(walk: Walk, pointer: Pointer): void {
  const seen = new Set<string>();
  for (let event = walk.events[walk.next]; event !== undefined && event.type !== EVENT_ID.POP; event = walk.events[walk.next]) {
    const start = startOf(event) ?? 0;
    if (event.type !== EVENT_ID.SCALAR) {
      walk.fatal.push(fatal(start, 'a plain word as key', 'a list, a mapping or an alias'));
      walkNode(walk, { pointer: child(pointer, '?'), key: start, fallback: start });
      walkNode(walk, { pointer: child(pointer, '?'), key: start, fallback: start });
      continue;
    }
    walk.next++;
    const key = getScalarValue(walk.text, event);
    if (seen.has(key)) walk.duplicates.push({ pointer: child(pointer, key), at: start, expected: 'each key once', got: `${JSON.stringify(key)} again` });
    seen.add(key);
    walkNode(walk, { pointer: child(pointer, key), key: start, fallback: start });
  }
  walk.next++;
}

function walkSequence(walk: Walk, { pointer, fallback }: Slot): void {
  for (let index = 0; walk.events[walk.next] !== undefined && walk.events[walk.next]?.type !== EVENT_ID.POP; index++) {
    walkNode(walk, { pointer: child(pointer, index), key: null, fallback });
  }
  walk.next++;
}

/** Offset at which a node begins, or null where an empty value has none. */
function startOf(event: Event): number | null {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return scalarStart(event);
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start < 0 ? null : event.start;
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1;
    default:
      return null;
  }
}

function scalarStart({ valueStart, style }: ScalarEvent): number | null {
  if (valueStart < 0) return null;
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return quoted ? valueStart - 1 : valueStart;
}

function documentFaults(text: string, events: readonly Event[]): Fault[] {
  const starts = events.flatMap((event, index) => (event.type === EVENT_ID.DOCUMENT ? [index] : []));
  const second = starts[1];
  if (starts.length === 0) return [emptyFault()];
  if (second === undefined) return [];
  const first = events.slice(second).map(startOf).find((start) => start !== null);
  return [fatal(first ?? text.length, 'one YAML document', 'a second one')];
}

function emptyFault(): Fault {
  return { pointer: '', at: 0, expected: 'a configuration with at least `consumers`', got: 'an empty file' };
}

function fatal(offset: number, expected: string, got: string): Fault {
  return { pointer: '', at: offset, expected, got };
}

function syntaxFault(text: string, error: unknown): Fault {
  if (!(error instanceof YAMLException)) return fatal(0, 'valid YAML', 'something that the YAML parser gives up on');
  const offset = error.mark?.position ?? 0;
  // `{a: ${X}}` is no YAML: the braces of the variable are those of a flow mapping.
  const hint = text.slice(Math.max(0, offset - 1), offset + 1) === '${' ? ' (inside { } put the value in quotes: "${NAME}")' : '';
  return fatal(offset, 'valid YAML', `an error: ${error.reason}${hint}`);
}
