import type { Config, ConsumerConfig, Kind, PathTarget } from '../config/types.ts';

/** Where a kind's requests go, or what is missing. */
export type KindRoute =
  | { readonly type: 'found'; readonly consumer: ConsumerConfig; readonly target: PathTarget }
  | { readonly type: 'unrouted' }
  | { readonly type: 'no_path'; readonly consumer: ConsumerConfig };

/** The consumer and path for a kind. It never falls back to another consumer. */
export function routeOfKind(config: Config, kind: Kind): KindRoute {
  const name = config.routing[kind];
  const consumer = name === undefined ? undefined : config.consumers.get(name);
  if (consumer === undefined) return { type: 'unrouted' };
  const target = consumer.paths[kind];
  return target === undefined ? { type: 'no_path', consumer } : { type: 'found', consumer, target };
}

/** The consumer that serves `/audio/*`, or null. */
export function audioConsumer(config: Config): ConsumerConfig | null {
  return config.audio_proxy === undefined ? null : (config.consumers.get(config.audio_proxy) ?? null);
}
