import type { ModelRoute, ModelTable } from '../config/types.ts';
import { nearest } from './suggest.ts';

/** The route of a model, and the name that its consumer is to be asked for; null: as the client wrote it. */
export interface FoundModel {
  readonly route: ModelRoute;
  readonly rename: string | null;
}

/** Who serves a model: the one of that name or alias, else the one with the longest beginning that fits; null: nobody. */
export function findModel({ names, prefixes }: ModelTable, model: string): FoundModel | null {
  const named = names.get(model);
  if (named !== undefined) return found(named, model, nameOf(named, model));
  const begun = prefixes.find(({ prefix }) => model.startsWith(prefix));
  if (begun === undefined) return null;
  const { route, prefix } = begun;
  return found(route, model, route.useModelName?.replaceAll('*', () => model.slice(prefix.length)) ?? model);
}

/** An alias is another name for the same model; a consumer knows only the model's own. In it * has nothing to stand for. */
function nameOf({ name, useModelName }: ModelRoute, model: string): string {
  if (useModelName !== null && !useModelName.includes('*')) return useModelName;
  return name.endsWith('*') ? model : name;
}

function found(route: ModelRoute, model: string, name: string): FoundModel {
  return { route, rename: name === model ? null : name };
}

/** So many names are offered instead of one that is unknown. */
const OFFERED = 3;

/** What is said of a model that nobody serves, with the names that come nearest. */
export function unknownModel({ names, prefixes }: ModelTable, model: string): string {
  const known = [...names.keys(), ...prefixes.map(({ prefix }) => `${prefix}*`)];
  const near = nearest(model, known).slice(0, OFFERED);
  const said = `there is no model ${JSON.stringify(model)}`;
  if (known.length === 0) return `${said}: none are configured (models)`;
  if (near.length > 0) return `${said}; near names are ${near.map((name) => JSON.stringify(name)).join(', ')}`;
  return `${said}; GET /v1/models lists those that there are`;
}
