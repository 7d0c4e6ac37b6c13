import { child } from './pointer.ts';
import type { Fault } from './problem.ts';
import { entriesOf, itemsOf, memberOf, textOf } from './tree.ts';

/** Names that two models claim, and * where it has nothing to stand for. */
export function modelFaults(file: unknown): Fault[] {
  const models = entriesOf(memberOf(file, 'models'));
  const taken = new Map(models.map(([name]) => [name, name]));
  return models.flatMap(([name, model]) => {
    const pointer = child('/models', name);
    const aliases = itemsOf(memberOf(model, 'aliases'));
    return [...aliases.flatMap((alias, index) => aliasFaults({ alias, pointer: child(child(pointer, 'aliases'), index), name }, taken)), ...starFaults(name, model, pointer)];
  });
}

interface Alias {
  readonly alias: unknown;
  readonly pointer: string;
  /** The model that claims it. */
  readonly name: string;
}

function aliasFaults({ alias, pointer, name }: Alias, taken: Map<string, string>): Fault[] {
  if (typeof alias !== 'string') return [];
  const owner = taken.get(alias);
  if (owner === undefined) {
    taken.set(alias, name);
    return [];
  }
  // Twice in one list is the schema's to tell.
  const got = owner === alias ? 'the name of a model' : `an alias of ${JSON.stringify(owner)} too`;
  return owner === name && owner !== alias ? [] : [{ pointer, at: 'value', expected: 'a name that no other model has', got }];
}

function starFaults(name: string, model: unknown, pointer: string): Fault[] {
  const used = textOf(model, 'use_model_name');
  const names = [name, ...itemsOf(memberOf(model, 'aliases'))];
  if (used === null || !used.includes('*') || names.every((each) => typeof each !== 'string' || each.endsWith('*'))) return [];
  const expected = 'a name without *, which stands for what follows a name or alias that ends with *';
  return [{ pointer: child(pointer, 'use_model_name'), at: 'value', expected }];
}
