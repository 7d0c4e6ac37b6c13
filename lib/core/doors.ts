import type { Config, ConsumerConfig } from '../config/types.ts';

/** A way to all paths of one consumer's own server. */
export interface Door {
  /** What comes before the consumer's own path; empty at a port of its own. */
  readonly prefix: string;
  /** `preset`: to the consumer with that preset; `name`: to the consumer of that name. */
  readonly by: 'preset' | 'name';
  readonly to: string;
  /** The consumer's own path; empty where the slash that begins it is missing. */
  readonly path: string;
}

/** Who is behind a door, or why nobody is. `presets`: how many have the preset. */
export type Behind =
  | { readonly type: 'found'; readonly consumer: ConsumerConfig }
  | { readonly type: 'unknown' }
  | { readonly type: 'none'; readonly presets: number };

const DOOR = /^\/(?:(ollama|comfyui)|upstream\/([^/]+))(?=\/|$)/;

/** The door that a path goes through; null: none. */
export function doorOf(path: string): Door | null {
  const match = DOOR.exec(path);
  if (match === null) return null;
  const [prefix, preset, name = ''] = match;
  return { prefix, by: preset === undefined ? 'name' : 'preset', to: preset ?? name, path: path.slice(prefix.length) };
}

/** The door that is a port of a consumer's own. */
export function ownDoor(consumer: string, path: string): Door {
  return { prefix: '', by: 'name', to: consumer, path };
}

/** The consumer behind a door. It never falls back to another one. */
export function behindDoor({ consumers }: Pick<Config, 'consumers'>, { by, to }: Door): Behind {
  const named = consumers.get(to);
  if (by === 'name') return named === undefined ? { type: 'unknown' } : { type: 'found', consumer: named };
  const alike = [...consumers.values()].filter(({ preset }) => preset === to);
  const [only] = alike;
  if (only !== undefined && alike.length === 1) return { type: 'found', consumer: only };
  return named === undefined ? { type: 'none', presets: alike.length } : { type: 'found', consumer: named };
}

/**
 * A `Location` of a consumer as its client can follow it: paths, and addresses of the consumer's own server, lead through the door
 * again. Anything else stays as it is. `url` is that of the consumer.
 */
export function locationBehind(location: string, door: { readonly prefix: string; readonly url: string }): string {
  if (location.startsWith('/')) return location.startsWith('//') ? location : door.prefix + location;
  const [, origin, rest = ''] = /^(https?:\/\/[^/?#]*)(.*)$/i.exec(location) ?? [];
  if (origin === undefined || URL.parse(origin)?.origin !== URL.parse(door.url)?.origin) return location;
  return `${door.prefix}${rest.startsWith('/') ? '' : '/'}${rest}`;
}
