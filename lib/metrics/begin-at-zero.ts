import type { ConsumerConfig } from '../config/types.ts';
import type { ConsumerLoaded, ConsumerUnloaded, UnloadingLabel } from '../core/events.ts';
import { PHASES, REJECTIONS } from './labels.ts';
import type { Tally } from './tally.ts';

const REASONS = ['room', 'idle', 'reload', 'hand'] as const satisfies readonly UnloadingLabel['reason'][];
const UNLOAD_RESULTS = ['freed', 'failed'] as const satisfies readonly ConsumerUnloaded['result'][];
const LOAD_RESULTS = ['ready', 'failed'] as const satisfies readonly ConsumerLoaded['result'][];
const RELOAD_RESULTS = ['reloaded', 'refused'] as const;

/**
 * Shows counters of what happens rarely before it happens. `increase` and `changes` see nothing in a series that begins with 1: an alert would miss the
 * first failure, which is the one that matters.
 */
export function beginAtZero(tally: Tally, consumers: Iterable<ConsumerConfig>): void {
  for (const result of RELOAD_RESULTS) tally.count('reloads', { result }, 0);
  for (const reason of REJECTIONS) tally.count('rejected', { reason }, 0);
  for (const phase of PHASES) tally.count('disconnects', { phase }, 0);
  for (const { name, load, unload } of consumers) {
    if (unload !== null) for (const reason of REASONS) for (const result of UNLOAD_RESULTS) tally.count('evictions', { victim: name, reason, result }, 0);
    if (load !== null) for (const result of LOAD_RESULTS) tally.count('loads', { consumer: name, result }, 0);
  }
}
