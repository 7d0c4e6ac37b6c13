import { child, type Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { entriesOf, isRecord, memberOf } from './tree.ts';

const HTTP_ONLY = ['method', 'path', 'body', 'headers', 'already', 'expect', 'retry_status', 'retry_refused', 'for_each_loaded', 'in_flight'];

/** A hook is a request or a command, and nothing of both. */
export function hookFaults(file: unknown): Fault[] {
  return entriesOf(memberOf(file, 'consumers')).flatMap(([name, consumer]) => [
    ...['load', 'unload'].flatMap((which) => oneHook(memberOf(consumer, which), child(child('/consumers', name), which))),
    ...needsItems(consumer, child('/consumers', name)),
  ]);
}

/** The names of what is loaded come from `residency.items`. */
function needsItems(consumer: unknown, pointer: Pointer): Fault[] {
  if (memberOf(memberOf(consumer, 'unload'), 'for_each_loaded') !== true || memberOf(memberOf(consumer, 'residency'), 'items') !== undefined) return [];
  return [{ pointer: child(child(pointer, 'unload'), 'for_each_loaded'), at: 'key', expected: '`residency` with `items` beside it', got: 'none' }];
}

function oneHook(hook: unknown, pointer: Pointer): Fault[] {
  if (!isRecord(hook)) return [];
  if (Object.hasOwn(hook, 'command')) return besideCommand(hook, pointer);
  if (Object.hasOwn(hook, 'path')) return [];
  return [{ pointer, at: 'key', expected: 'either `path` (an HTTP request) or `command` (a program)', got: 'neither' }];
}

function besideCommand(hook: Readonly<Record<string, unknown>>, pointer: Pointer): Fault[] {
  return HTTP_ONLY.filter((key) => Object.hasOwn(hook, key)).map((key) => {
    return { pointer: child(pointer, key), at: 'key', expected: 'nothing of a request beside `command`', got: `\`${key}\`` };
  });
}
