import type { ConsumerStatus } from './consumer-status.ts';
import type { ForeignProcess, LeaseStatus, PauseStatus, StatusDocument } from './status-document.ts';
import { ago, count, duration, mib, moment, printable, type Paint } from './words.ts';

/** That the card is paused, and what ends it; nothing where it is not. */
export function pauseLines({ paused }: StatusDocument, now: Date, paint: Paint): string[] {
  if (paused === null) return [];
  const age = paused.since === null ? '' : ` (${ago(paused.since, now)})`;
  return [paint('yellow', `${pausedSince(paused, 'P')}${age}; requests get 503 until \`mgpumanager resume\`.`)];
}

/** Since when and by whom, as in `paused since 2026-11-21 12:00:00 by martin@mrock`. */
export function pausedSince({ since, by }: PauseStatus, initial: 'p' | 'P' = 'p'): string {
  return `${initial}aused since ${moment(since)} by ${printable(by ?? 'somebody')}`;
}

/** The processes that take memory of a card and belong to no consumer, on one line; none where there are none. */
export function foreignLines(foreign: readonly ForeignProcess[]): string[] {
  if (foreign.length === 0) return [];
  const processes = foreign.map(({ pid, name, usedMib }) => `${printable(name ?? 'process')} (pid ${pid ?? '-'}) ${mib(usedMib)}`);
  return [`  Foreign: ${processes.join(', ')}`];
}

/** A line for each lease that somebody holds. */
export function leaseLines(leases: readonly LeaseStatus[], now: Date): string[] {
  return leases.map(({ id, consumer, running, expiresAt, isEnding }) => {
    const end = isEnding ? 'ends with what runs' : `expires in ${expiresAt === null ? '-' : duration(Math.max(0, expiresAt.getTime() - now.getTime()))}`;
    return `Lease ${printable(id)}: ${printable(consumer)}, ${count(running)} running, ${end}`;
  });
}

/** What is worth knowing of the consumers and is no illness: footprints that are off, and work that came past the daemon. */
export function remarkLines(consumers: readonly ConsumerStatus[], paint: Paint): string[] {
  return [
    ...consumers.flatMap(({ name, footprintWarning: warning }) => (warning === null ? [] : [paint('yellow', `${printable(name)}: ${printable(warning)}`)])),
    ...consumers.filter(({ isWorkingForOthers }) => isWorkingForOthers).map(({ name }) => `${printable(name)}: works on something that did not come through the daemon`),
  ];
}
