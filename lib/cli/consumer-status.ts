import { memberOf, textOf } from '../config/tree.ts';
import { dateOf, numberOf } from './members.ts';

/** One consumer as the daemon reports it; null: the daemon does not know or does not say. */
export interface ConsumerStatus {
  readonly name: string;
  readonly url: string | null;
  readonly health: 'unknown' | 'healthy' | 'unhealthy';
  readonly residency: string;
  /** Why the residency is believed: `self`, `process`, `action` or `assumed`. */
  readonly residencySource: string | null;
  readonly usedMib: number | null;
  readonly budgetMib: number | null;
  /** The budget is what was measured, as none is declared. */
  readonly isBudgetMeasured: boolean;
  /** The declared footprint is far from what was measured. */
  readonly footprintWarning: string | null;
  /** It works on something that did not come through the daemon. */
  readonly isWorkingForOthers: boolean;
  readonly running: number | null;
  readonly waiting: number | null;
  readonly total: number | null;
  readonly lastUsed: Date | null;
  readonly lastError: string | null;
  readonly systemdUnit: string | null;
  /** The daemon can load it by itself when it is absent. */
  readonly isLoadable: boolean;
}

/** Reads one consumer of a status without trust in any member. */
export function readConsumer(consumer: unknown): ConsumerStatus {
  const systemdUnit = textOf(consumer, 'systemd_unit');
  return {
    name: textOf(consumer, 'name') ?? '?',
    url: textOf(consumer, 'url'),
    health: healthOf(memberOf(consumer, 'healthy')),
    residency: textOf(consumer, 'residency') ?? residencyOf(memberOf(consumer, 'loaded')),
    residencySource: textOf(consumer, 'residency_source'),
    usedMib: numberOf(consumer, 'gpu_resident_mib'),
    budgetMib: numberOf(consumer, 'vram_budget_mib'),
    isBudgetMeasured: textOf(consumer, 'vram_budget_source') === 'measured',
    footprintWarning: textOf(consumer, 'vram_warning'),
    isWorkingForOthers: memberOf(consumer, 'external_work') === true,
    running: numberOf(consumer, 'running') ?? numberOf(consumer, 'active'),
    waiting: numberOf(consumer, 'waiting'),
    total: numberOf(consumer, 'total_requests'),
    lastUsed: dateOf(consumer, 'last_used'),
    lastError: textOf(consumer, 'last_error'),
    systemdUnit,
    isLoadable: systemdUnit !== null || memberOf(consumer, 'loadable') === true,
  };
}

function healthOf(healthy: unknown): ConsumerStatus['health'] {
  return healthy === true ? 'healthy' : healthy === false ? 'unhealthy' : 'unknown';
}

function residencyOf(loaded: unknown): string {
  return loaded === true ? 'resident' : loaded === false ? 'absent' : 'unknown';
}
