import { deepFreeze } from './freeze.ts';
import { resolveModels } from './models.ts';
import type { AccessKey, ConfigFile, ConsumerFile, LoadHook, Timeouts, UnloadHook } from './types.gen.ts';
import type { Config, ConsumerConfig, Hook, ImageTemplate, Workflow } from './types.ts';

/** Time for starting a unit and its first healthy probe, as for a load hook. ms. */
const START_TIMEOUT = 120_000;
/** Time for stopping a unit, as for an unload hook. ms. */
const STOP_TIMEOUT = 10_000;

/** What stands in other files. */
export interface Beside {
  /** By consumer. */
  readonly workflows: ReadonlyMap<string, Workflow>;
  readonly furtherKeys: readonly AccessKey[];
}

/** Turns a valid file, and what stands beside it, into the configuration that the services use. */
export function resolveConfig(file: ConfigFile, { workflows, furtherKeys }: Beside): Config {
  const consumers = Object.entries(file.consumers).map(([name, consumer]) => {
    const context = { timeouts: file.timeouts, workflow: workflows.get(name) };
    return [name, resolveConsumer(name, consumer, context)] as const;
  });
  const access = { ...file.access, keys: [...file.access.keys, ...furtherKeys] };
  return deepFreeze({ ...file, access, consumers: new Map(consumers), models: resolveModels(file.models) });
}

interface ConsumerContext {
  readonly timeouts: Timeouts;
  readonly workflow: Workflow | undefined;
}

function resolveConsumer(name: string, consumer: ConsumerFile, { timeouts, workflow }: ConsumerContext): ConsumerConfig {
  const unit = consumer.systemd_unit;
  return {
    ...consumer,
    name,
    url: consumer.url.replace(/\/$/, ''),
    load: consumer.load === undefined ? unitHook('start', unit) : resolveHook(consumer.load),
    unload: consumer.unload === undefined ? unitHook('stop', unit) : resolveHook(consumer.unload),
    timeouts: { ...timeouts, ...consumer.timeouts },
    images: resolveImages(consumer, workflow),
  };
}

function resolveImages({ images }: ConsumerFile, workflow: Workflow | undefined): ImageTemplate | null {
  return images === undefined || workflow === undefined ? null : { ...workflow, maxCount: images.max_count, maxSide: images.max_side };
}

/** The cross-checks have seen to it that a hook without a command has a path. */
function resolveHook({ command, path = '/', ...hook }: LoadHook | UnloadHook): Hook {
  const [program, ...args] = command ?? [];
  if (program !== undefined) return { type: 'command', argv: [program, ...args], timeout: hook.timeout };
  const { method, body, headers, already, expect, retry_status, retry_refused, timeout } = hook;
  const forEachLoaded = 'for_each_loaded' in hook && hook.for_each_loaded;
  const inFlight = 'in_flight' in hook ? hook.in_flight : 'unknown';
  return { type: 'http', method, path, body, headers, already, expect, retryStatus: retry_status, retryRefused: retry_refused, forEachLoaded, inFlight, timeout };
}

function unitHook(verb: 'start' | 'stop', unit: string | undefined): Hook | null {
  if (unit === undefined) return null;
  return { type: 'command', argv: ['systemctl', '--user', verb, unit], timeout: verb === 'start' ? START_TIMEOUT : STOP_TIMEOUT };
}
