import { memberOf, textOf } from '../config/tree.ts';
import { dateOf, numberOf } from './members.ts';
import { duration, gib, painter, printable, timeOfDay, type Paint, type Style } from './words.ts';

/** One event of the daemon in words, on one line: the time of day, and what happened. */
export function eventLine(event: unknown, { color }: { readonly color: boolean }): string {
  const paint = painter(color);
  const type = textOf(event, 'type') ?? '?';
  const describe = WORDS.get(type);
  const words = describe === undefined ? `${type} ${JSON.stringify(event)}` : describe(event);
  return `${paint('dim', timeOfDay(dateOf(event, 'time')))}  ${styled(printable(words), event, paint)}`;
}

function styled(words: string, event: unknown, paint: Paint): string {
  const style = styleOf(event);
  return style === null ? words : paint(style, words);
}

function styleOf(event: unknown): Style | null {
  const type = textOf(event, 'type');
  const result = textOf(event, 'result');
  if (result === 'failed' || result === 'refused' || textOf(event, 'to') === 'unhealthy') return 'red';
  if (textOf(event, 'error') !== null || textOf(event, 'cut') !== null) return 'red';
  if (type === 'unloading' || type === 'unloaded' || type === 'pause') return 'yellow';
  return type === 'health' ? 'green' : null;
}

const WORDS: ReadonlyMap<string, (event: unknown) => string> = new Map([
  ['request_waiting', (event: unknown) => `${request(event)} waits${by(event)}`],
  ['request_granted', granted],
  ['request_finished', finished],
  ['request_released', (event: unknown) => `${request(event)} no longer has the card, after ${duration(numberOf(event, 'run_ms'))}`],
  ['unloading', (event: unknown) => `${name(event)} is being unloaded ${purpose(event)}${expected(event)}${because(event, 'explanation')}`],
  ['unloaded', unloaded],
  ['loading', (event: unknown) => `${name(event)} is being loaded for ${textOf(event, 'request') ?? '?'}`],
  ['loaded', loaded],
  ['residency', (event: unknown) => `${name(event)}: ${change(event)}${because(event, 'reason')}`],
  ['health', (event: unknown) => `${name(event)}: ${change(event)}${because(event, 'reason')}`],
  ['config', (event: unknown) => `the configuration was ${textOf(event, 'result') ?? 'looked at'}${because(event, 'problem')}`],
  ['pause', (event: unknown) => (memberOf(event, 'paused') === true ? `paused by ${textOf(event, 'by') ?? 'somebody'}` : 'takes work again')],
  ['sample', sampled],
]);

function request(event: unknown): string {
  const asks = [textOf(event, 'kind'), textOf(event, 'model')].filter((each) => each !== null).join(' ');
  const consumer = textOf(event, 'consumer');
  return `${textOf(event, 'request') ?? '?'}${asks === '' ? '' : ` (${asks})`}${consumer === null ? '' : ` for ${consumer}`}`;
}

function by(event: unknown): string {
  const client = textOf(event, 'client');
  return client === null ? '' : `, asked by ${client}`;
}

function granted(event: unknown): string {
  const times = [['waited', 'queue_ms'], ['evicting', 'evict_ms'], ['loading', 'load_ms']] as const;
  return `${request(event)} has the card${times.map(([word, key]) => during(event, word, key)).join('')}`;
}

function during(event: unknown, word: string, key: string): string {
  const ms = numberOf(event, key);
  return ms === null ? '' : `, ${word} ${duration(ms)}`;
}

function finished(event: unknown): string {
  const outcome = [numberOf(event, 'status') ?? 'no answer', textOf(event, 'error')].filter((each) => each !== null).join(' ');
  const cut = textOf(event, 'cut');
  const what = `${request(event)}: ${textOf(event, 'method') ?? '?'} ${textOf(event, 'path') ?? '?'}`;
  return `${what} ended with ${outcome} after ${duration(numberOf(event, 'total_ms'))}${cut === null ? '' : ` (cut: ${cut})`}`;
}

const PURPOSES: ReadonlyMap<string | null, string> = new Map([['idle', 'as it was idle'], ['reload', 'as the configuration has changed'], ['hand', 'by hand']]);

/** Why something goes, as in `for ollama`. */
export function purpose(event: unknown): string {
  const wanted = textOf(event, 'for');
  return PURPOSES.get(textOf(event, 'reason')) ?? (wanted === null ? 'to make room' : `for ${wanted}`);
}

function expected(event: unknown): string {
  const mib = numberOf(event, 'expected_mib');
  return mib === null ? '' : `, which should free ${gib(mib)}`;
}

function unloaded(event: unknown): string {
  const took = [numberOf(event, 'hook_ms'), numberOf(event, 'settle_ms')].reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
  if (textOf(event, 'result') === 'failed') return `${name(event)} could not be unloaded ${purpose(event)}${because(event, 'error')}`;
  const freed = numberOf(event, 'freed_mib');
  return `${name(event)} was unloaded ${purpose(event)} in ${duration(took)}${freed === null ? '' : ` and freed ${gib(freed)}`}`;
}

function loaded(event: unknown): string {
  const took = duration(numberOf(event, 'load_ms'));
  return textOf(event, 'result') === 'failed' ? `${name(event)} could not be loaded, after ${took}${because(event, 'error')}` : `${name(event)} is loaded, after ${took}`;
}

function sampled(event: unknown): string {
  const error = textOf(event, 'error');
  return error === null ? `card: ${gib(numberOf(event, 'used_mib'))} of ${gib(numberOf(event, 'total_mib'))} used` : `the card could not be read: ${error}`;
}

function name(event: unknown): string {
  return textOf(event, 'consumer') ?? '?';
}

function change(event: unknown): string {
  return `${textOf(event, 'from') ?? '?'} → ${textOf(event, 'to') ?? '?'}`;
}

function because(event: unknown, key: string): string {
  const reason = textOf(event, key);
  return reason === null || reason === '' ? '' : `: ${reason}`;
}
