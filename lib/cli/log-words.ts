import { entriesOf, memberOf, textOf } from '../config/tree.ts';
import { dateOf } from './members.ts';
import { painter, printable, timeOfDay, type Style } from './words.ts';

const STYLES: ReadonlyMap<string, Style> = new Map([['error', 'red'], ['warn', 'yellow'], ['info', 'green'], ['debug', 'dim']]);

/** One line of the daemon's log for people: time of day, level, message and fields. */
export function logLine(line: unknown, { color }: { readonly color: boolean }): string {
  const paint = painter(color);
  const level = textOf(line, 'level') ?? '?';
  const fields = entriesOf(memberOf(line, 'fields')).filter(([, value]) => value !== null).map(([key, value]) => `${key}=${word(value)}`);
  const shown = fields.length === 0 ? '' : ` ${paint('dim', printable(fields.join(' ')))}`;
  return `${timeOfDay(dateOf(line, 'time'))} ${paint(STYLES.get(level) ?? 'dim', printable(level).padEnd(5))} ${printable(textOf(line, 'message') ?? '')}${shown}`;
}

function word(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
}
