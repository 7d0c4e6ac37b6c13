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
  ];
}

function sameUrl(consumers: readonly ConsumerConfig[]): Fault[] {
  const owners = new Map<string, string>();
  return consumers.flatMap(({ name, url }) => {
    const origin = new URL(url).origin;
    const owner = owners.get(origin);
    if (owner !== undefined) return [warn(place(name, 'url'), 'a server of its own', `the URL of ${owner}`)];
    owners.set(origin, name);
    return [];
  });
}

function routesWithoutPath(config: Config): Fault[] {
  return KINDS.flatMap((kind) => {
    const name = config.routing[kind];
    if (name === undefined || config.consumers.get(name)?.paths[kind] !== undefined) return [];
    return [warn(child('/routing', kind), `a consumer with paths.${kind}`, `${name}, which has none, so POST /v1/${kind} answers 501`)];
  });
}

function tooLarge({ name, vram_resident_mib: footprint }: ConsumerConfig, { gpu }: Config): Fault[] {
  if (footprint === undefined || gpu.total_mib === undefined) return [];
  const room = gpu.total_mib - gpu.reserved_mib - gpu.cushion_mib;
  if (footprint <= room) return [];
  return [warn(place(name, 'vram_resident_mib'), `at most the ${room} MiB that gpu.total_mib leaves beside reserve and cushion`, `${footprint}, which can never be loaded`)];
}

function unusedHooks({ name, vram_managed: managed, load, unload }: ConsumerConfig): Fault[] {
  if (!managed || (load === null && unload === null)) return [];
  return [warn(place(name, 'vram_managed'), 'no load and unload beside it', 'some, which no eviction will use')];
}

function smallSpool({ limits }: Config): Fault[] {
  if (limits.spool >= limits.body) return [];
  return [warn('/limits/spool', `at least limits.body (${limits.body} bytes)`, `${limits.spool} bytes, which bounds every body`)];
}

function place(consumer: string, key: string): Pointer {
  return child(child('/consumers', consumer), key);
}

function warn(pointer: Pointer, expected: string, got: string): Fault {
  return { pointer, at: 'value', expected, got };
}
