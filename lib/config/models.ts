import type { ModelFile } from './types.gen.ts';
import type { ModelRoute, ModelTable } from './types.ts';

/** Turns `models` into what requests are looked up in. */
export function resolveModels(models: Readonly<Record<string, ModelFile>>): ModelTable {
  const entries = Object.entries(models).flatMap(([name, model]) => [name, ...model.aliases].map((each) => [each, routeOf(name, model)] as const));
  const prefixes = entries.filter(([name]) => name.endsWith('*')).map(([name, route]) => ({ prefix: name.slice(0, -1), route }));
  return {
    names: new Map(entries.filter(([name]) => !name.endsWith('*'))),
    prefixes: prefixes.toSorted((a, b) => b.prefix.length - a.prefix.length),
  };
}

function routeOf(name: string, { consumer, use_model_name: useModelName, strip_params: strip, set_params: set, path_style: pathStyle, voices }: ModelFile): ModelRoute {
  return { name, consumer, useModelName: useModelName ?? null, strip, set, pathStyle: pathStyle ?? null, voices };
}
