import { child, type Pointer } from './pointer.ts';
import type { Fault } from './problem.ts';
import { KINDS, type Config, type ConsumerConfig } from './types.ts';

/** What a valid configuration probably does not mean. */
export function configWarnings(config: Config): Fault[] {
  const consumers = [...config.consumers.values()];
  return [
    ...sameUrl(consumers),
    ...routesWithoutPath(config),
    ...consumers.flatMap((consumer) => tooLarge(consumer, config)),
    ...consumers.flatMap(unusedHooks),
    ...smallSpool(config),
    ...fewConnections(config),
    ...unloadablePreloads(config),
    ...consumers.flatMap(neverIdle),
    ...openToAll(config),
    ...unusedLogins(config),
  ];
}

function sameUrl(consumers: readonly ConsumerConfig[]): Fault[] {
  const owners = new Map<string, string>();
  return consumers.flatMap(({ name, url }) => {
    const origin = new URL(url).origin;
    const owner = owners.get(origin);
    if (owner !== undefined) return [{ ...warn(place(name, 'url'), 'a server of its own'), got: `the URL of ${owner}` }];
    owners.set(origin, name);
    return [];
  });
}

function routesWithoutPath(config: Config): Fault[] {
  return KINDS.flatMap((kind) => {
    const name = config.routing[kind];
    if (name === undefined || config.consumers.get(name)?.paths[kind] !== undefined) return [];
    return [warn(child('/routing', kind), `a consumer with paths.${kind} (POST /v1/${kind} answers 501)`)];
  });
}

function tooLarge({ name, vram_resident_mib: footprint }: ConsumerConfig, { gpu }: Config): Fault[] {
  if (footprint === undefined || gpu.total_mib === undefined) return [];
  if (footprint + gpu.cushion_mib + gpu.reserved_mib <= gpu.total_mib) return [];
  return [warn(place(name, 'vram_resident_mib'), 'what fits into gpu.total_mib beside reserve and cushion (it can never be loaded)')];
}

function unusedHooks({ name, vram_managed: managed, load, unload }: ConsumerConfig): Fault[] {
  if (!managed || (load === null && unload === null)) return [];
  return [{ ...warn(place(name, 'vram_managed'), 'no load and unload beside it'), got: 'some, which no eviction will use' }];
}

function unloadablePreloads({ preload, consumers }: Config): Fault[] {
  return preload.flatMap((name, index) => {
    if (consumers.get(name)?.load !== null) return [];
    return [warn(child('/preload', index), 'a consumer with a load hook (this one loads itself on first use)')];
  });
}

function neverIdle({ name, idle_unload: limit, unload, vram_managed: managed }: ConsumerConfig): Fault[] {
  if (limit === undefined || (unload !== null && !managed)) return [];
  return [warn(place(name, 'idle_unload'), 'an unload hook and no vram_managed beside it (nothing is unloaded)')];
}

function smallSpool({ limits }: Config): Fault[] {
  if (limits.spool >= limits.body) return [];
  return [warn('/limits/spool', 'at least limits.body (no body can be larger than all of them together)')];
}

function openToAll({ access }: Config): Fault[] {
  if (access.keys.length > 0) return [];
  return access.allow.flatMap((entry, index) => {
    if (entry !== 'any' && entry !== 'private') return [];
    return [warn(child('/access/allow', index), 'keys beside it (access.keys), as without any everybody there may infer and read')];
  });
}

function unusedLogins({ access }: Config): Fault[] {
  if (access.tailscale_whois || Object.keys(access.logins).length === 0) return [];
  return [{ ...warn('/access/logins', 'tailscale_whois: true beside it'), got: 'logins, which nobody then looks up' }];
}

/** Who waits has a connection, and who is served. */
function fewConnections({ limits, queue, gpu }: Config): Fault[] {
  if (limits.connections >= queue.max_waiting + gpu.concurrency) return [];
  return [warn('/limits/connections', `more than queue.max_waiting (${queue.max_waiting}): everybody who waits has one`)];
}

function place(consumer: string, key: string): Pointer {
  return child(child('/consumers', consumer), key);
}

/** Numbers and names may come from the environment, so the value is left to be shown safely. */
function warn(pointer: Pointer, expected: string): Fault {
  return { pointer, at: 'value', expected };
}
