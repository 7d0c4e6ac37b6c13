import type { Config, ModelRoute, ModelTable } from '../config/types.ts';
import type { Residency } from './model.ts';
import { findModel } from './models.ts';
import { usesGpu } from './gpu-paths.ts';
import { isTranslated } from './translations.ts';

/** What is known of a consumer without asking it. */
export interface ConsumerMemory {
  readonly residency: Residency;
  /** null: it does not list what it has loaded. */
  readonly loadedNames: readonly string[] | null;
}

/** What the list is made from. */
export interface ModelListFacts {
  readonly models: ModelTable;
  /** Wall clock; the same for all models, so that clients see no change where there is none. */
  readonly startedAt: Date;
  memoryOf(consumer: string): ConsumerMemory | null;
}

/** One model as OpenAI's clients read it, with the status that llama.cpp's router adds. */
export interface ListedModel {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
  readonly status: { readonly value: 'loaded' | 'unloaded' };
}

/** All models: those that are configured by name, and of the others those that their consumers have loaded. */
export function listModels(facts: ModelListFacts): ListedModel[] {
  const configured = [...facts.models.names].filter(([name, route]) => name === route.name).map(([name]) => name);
  const loaded = facts.models.prefixes.flatMap(({ route }) => loadedUnder(route, facts));
  return [...new Set([...configured, ...loaded])].flatMap((id) => describeModel(id, facts) ?? []);
}

/** One model by name or alias; null: nobody serves it. */
export function describeModel(id: string, { models, startedAt, memoryOf }: ModelListFacts): ListedModel | null {
  const found = findModel(models, id);
  if (found === null) return null;
  const { consumer } = found.route;
  const isThere = isLoaded(found.rename ?? id, memoryOf(consumer));
  const created = Math.floor(startedAt.getTime() / 1000);
  return { id, object: 'model', created, owned_by: consumer, status: { value: isThere ? 'loaded' : 'unloaded' } };
}

/** Names that reach this route and that its consumer has loaded. Renamed ones cannot be told back. */
function loadedUnder(route: ModelRoute, { models, memoryOf }: ModelListFacts): string[] {
  if (route.useModelName !== null) return [];
  const names = memoryOf(route.consumer)?.loadedNames ?? [];
  return names.filter((name) => findModel(models, name)?.route === route);
}

function isLoaded(model: string, memory: ConsumerMemory | null): boolean {
  if (memory?.residency !== 'resident') return false;
  // Ollama lists a model without a tag as its latest.
  return memory.loadedNames === null || memory.loadedNames.some((name) => name === model || name === `${model}:latest`);
}

/** Models that a path serves. */
export function modelsFor(path: string, { models, consumers }: Pick<Config, 'models' | 'consumers'>): string[] {
  const serving = [...models.names].filter(([name, { name: own, consumer: at, pathStyle }]) => {
    const consumer = consumers.get(at);
    if (name !== own || consumer === undefined) return false;
    const style = pathStyle ?? consumer.path_style;
    return isTranslated(style, path) || (style === 'openai' && usesGpu(consumer.gpu_paths, 'POST', path));
  });
  return serving.map(([name]) => name);
}

/** Voices that the configuration lists, of one model or of all. */
export function voicesOf({ names, prefixes }: ModelTable, model: string | null): string[] {
  const routes = model === null ? [...names.values(), ...prefixes.map(({ route }) => route)] : [findModel({ names, prefixes }, model)?.route];
  return [...new Set(routes.flatMap((route) => route?.voices ?? []))];
}
