import type { ConsumerState } from './consumers/consumer-state.ts';
import type { Registry } from './consumers/registry.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import type { ConsumerFacts, ProcessFacts } from './core/status.ts';
import type { EventLoopWatch } from './event-loop.ts';

/** Where the broker stands in for consumers. */
export interface OwnAddresses {
  /** HOST:PORT; null: nowhere. */
  addressOf(consumer: string): string | null;
}

const BYTES_PER_MIB = 2 ** 20;

/** What the status shows of this process. */
export function processFacts(loop: EventLoopWatch, connections: ConnectionLimits): ProcessFacts {
  return { eventLoop: loop.delays, rssMib: rssMib(), openConnections: connections.count };
}

/** null: it could not be read, which takes a file descriptor. */
function rssMib(): number | null {
  try {
    return process.memoryUsage.rss() / BYTES_PER_MIB;
  } catch {
    return null;
  }
}

/** What the status shows of each consumer. */
export function consumerFacts(registry: Registry, ownPorts: OwnAddresses): ConsumerFacts[] {
  return registry.everyone().map((consumer) => ({ ...factsOf(consumer, registry), ...listenOf(consumer, ownPorts) }));
}

/** A retired one has given its port up. */
function listenOf({ name, config, retired }: ConsumerState, ownPorts: OwnAddresses): Pick<ConsumerFacts, 'listen'> {
  return config.listen === undefined || retired ? {} : { listen: ownPorts.addressOf(name) };
}

function factsOf(consumer: ConsumerState, registry: Registry): ConsumerFacts {
  const { config } = consumer;
  return {
    name: consumer.name,
    url: config.url,
    health: consumer.health,
    residency: consumer.residency,
    residencySource: consumer.residencySource,
    use: registry.use(consumer),
    declaredMib: config.vram_resident_mib ?? null,
    measuredMib: consumer.measuredMib,
    isWorkingForOthers: consumer.isWorkingForOthers,
    preset: config.preset ?? null,
    running: consumer.running,
    waiting: consumer.waiting,
    totalRequests: consumer.totalRequests,
    lastUsed: consumer.lastUsedWall,
    lastProbe: consumer.lastProbeAt,
    lastError: consumer.lastError,
    probes: consumer.probes,
    probeMs: consumer.report === null ? null : consumer.report.endedAt - consumer.report.startedAt,
    canLoad: consumer.canLoad,
    systemdUnit: config.systemd_unit ?? null,
    priority: config.priority,
    coexistsWith: config.can_coexist_with,
  };
}
