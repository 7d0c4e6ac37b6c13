import { hookFaults } from './check-hooks.ts';
import { listenFaults } from './check-listens.ts';
import { modelFaults } from './check-models.ts';
import { valueFaults } from './check-values.ts';
import { child } from './pointer.ts';
import type { Fault } from './problem.ts';
import { entriesOf, itemsOf, memberOf } from './tree.ts';

/** More names than these are not listed in a message. */
const MANY = 12;

/**
 * What the schema cannot say. Takes the file's value as it stands, faulty or not, so that a broken reference is
 * reported along with everything else.
 */
export function crossCheck(file: unknown): Fault[] {
  return [...routingFaults(file), ...coexistenceFaults(file), ...hookFaults(file), ...modelFaults(file), ...valueFaults(file), ...listenFaults(file), ...numberFaults(file, '')];
}

function routingFaults(file: unknown): Fault[] {
  const names = consumerNames(file);
  const routes = entriesOf(memberOf(file, 'routing')).map(([kind, name]) => referenceFault(child('/routing', kind), name, names));
  const preloads = itemsOf(memberOf(file, 'preload')).map((name, index) => referenceFault(child('/preload', index), name, names));
  const models = entriesOf(memberOf(file, 'models')).map(([name, model]) => referenceFault(child(child('/models', name), 'consumer'), memberOf(model, 'consumer'), names));
  return [...routes, ...preloads, ...models, referenceFault('/audio_proxy', memberOf(file, 'audio_proxy'), names)].flat();
}

function coexistenceFaults(file: unknown): Fault[] {
  const names = consumerNames(file);
  return entriesOf(memberOf(file, 'consumers')).flatMap(([consumer, settings]) => {
    const list = child(child('/consumers', consumer), 'can_coexist_with');
    return itemsOf(memberOf(settings, 'can_coexist_with')).flatMap((name, index) => {
      const pointer = child(list, index);
      if (name === consumer) return [{ pointer, at: 'value', expected: 'another consumer', got: 'the consumer itself' } satisfies Fault];
      return referenceFault(pointer, name, names);
    });
  });
}

function referenceFault(pointer: string, name: unknown, names: ReadonlySet<string>): Fault[] {
  if (typeof name !== 'string' || names.has(name)) return [];
  const candidates = [...names];
  const listed = candidates.length > 0 && candidates.length <= MANY;
  const expected = listed ? `the name of a consumer (${candidates.join(', ')})` : 'the name of a consumer';
  return [{ pointer, at: 'value', expected, misspelt: { word: name, candidates } }];
}

/** YAML has .nan and .inf, JSON and every setting of ours have not. */
function numberFaults(value: unknown, pointer: string): Fault[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [{ pointer, at: 'value', expected: 'a finite number' }];
  const members = Array.isArray(value) ? value.entries() : entriesOf(value);
  return [...members].flatMap(([key, member]) => numberFaults(member, child(pointer, key)));
}

function consumerNames(file: unknown): Set<string> {
  return new Set(entriesOf(memberOf(file, 'consumers')).map(([name]) => name));
}
