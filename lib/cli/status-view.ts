import { adviceFor, isIll } from './advice.ts';
import type { ConsumerStatus } from './consumer-status.ts';
import type { GpuStatus, StatusDocument } from './status-document.ts';
import { foreignLines, leaseLines, pauseLines, remarkLines } from './status-lines.ts';
import { table, type Cell, type Column } from './table.ts';
import { ago, count, duration, mib, painter, printable, type Paint, type Style } from './words.ts';

/** How a status is to be shown. `width` in characters; null: any. */
export interface ViewOptions {
  readonly now: Date;
  readonly color: boolean;
  readonly width: number | null;
}

const COLUMNS: readonly Column[] = [
  { heading: 'CONSUMER' },
  { heading: 'HEALTH' },
  { heading: 'RESIDENCY' },
  { heading: 'SOURCE', optional: true },
  { heading: 'VRAM MiB', align: 'right' },
  { heading: 'RUNNING', align: 'right' },
  { heading: 'WAITING', align: 'right' },
  { heading: 'TOTAL', align: 'right', optional: true },
  { heading: 'LAST USED', align: 'right', optional: true },
];

const HEALTH_STYLE = { healthy: 'green', unhealthy: 'red', unknown: 'yellow' } as const satisfies Record<ConsumerStatus['health'], Style>;

/** The status for people: a line per GPU, the consumers, the queue, the leases, and what is wrong. Ends with a newline. */
export function renderStatus(status: StatusDocument, { now, color, width }: ViewOptions): string {
  const paint = painter(color);
  const rows = status.consumers.map((consumer) => consumerRow(consumer, now, paint));
  const lines = [
    ...pauseLines(status, now, paint),
    ...status.gpus.flatMap((gpu) => [gpuLine(gpu, paint), ...foreignLines(gpu.foreign)]),
    '',
    ...(rows.length === 0 ? ['no consumers'] : table(COLUMNS, rows, width)),
    ...remarkLines(status.consumers, paint),
    '',
    queueLine(status, now),
    ...leaseLines(status.leases, now),
    ...troubles(status, paint),
  ];
  return `${lines.join('\n')}\n`;
}

function gpuLine({ name, usedMib, totalMib, freeMib, reservedMib, error }: GpuStatus, paint: Paint): string {
  const label = paint('bold', name === null ? 'GPU' : printable(name));
  const reserved = reservedMib === null || reservedMib === 0 ? '' : `, ${mib(reservedMib)} reserved`;
  const memory = `${mib(usedMib)} used of ${mib(totalMib)}, ${mib(freeMib)} free${reserved}`;
  return `${label}: ${memory}${error === null ? '' : paint('yellow', ` (${printable(error)})`)}`;
}

function consumerRow(consumer: ConsumerStatus, now: Date, paint: Paint): Cell[] {
  const healthStyle = consumer.health === 'unhealthy' && !isIll(consumer) ? 'dim' : HEALTH_STYLE[consumer.health];
  return [
    { text: printable(consumer.name) },
    { text: consumer.health, paint: (text) => paint(healthStyle, text) },
    { text: printable(consumer.residency), paint: (text) => (consumer.residency === 'resident' ? text : paint('dim', text)) },
    { text: printable(consumer.residencySource ?? '-'), paint: (text) => paint('dim', text) },
    { text: `${count(consumer.usedMib)}/${consumer.isBudgetMeasured ? '~' : ''}${count(consumer.budgetMib)}` },
    { text: count(consumer.running) },
    { text: count(consumer.waiting) },
    { text: count(consumer.total) },
    { text: ago(consumer.lastUsed, now) },
  ];
}

function queueLine(status: StatusDocument, now: Date): string {
  const { waiting, running, totalJobs, evictions, lastWaitMs, lastRunMs, oldestQueued } = status;
  const oldest = oldestQueued === null ? '' : ` (oldest for ${duration(Math.max(0, now.getTime() - oldestQueued.getTime()))})`;
  const last = lastRunMs === null && lastWaitMs === null ? '' : `; last one waited ${duration(lastWaitMs)} and ran ${duration(lastRunMs)}`;
  return `Queue: ${count(waiting)} waiting${oldest}, ${count(running)} running, ${count(totalJobs)} done, ${count(evictions)} evictions${last}`;
}

function troubles(status: StatusDocument, paint: Paint): string[] {
  const general = [
    ...(status.isDraining ? [paint('yellow', 'The daemon is shutting down and takes no new work.')] : []),
    ...(status.reloadError === null ? [] : [`${paint('yellow', 'The configuration was not reloaded:')}\n${reloadLines(status.reloadError)}`]),
    ...(status.historyFault === null ? [] : [`${paint('yellow', 'The history is not written:')} ${printable(status.historyFault)}`]),
  ];
  const asleep = status.consumers.filter((consumer) => consumer.health === 'unhealthy' && consumer.residency === 'absent' && !isIll(consumer));
  const lines = [
    ...general,
    ...asleep.map(({ name }) => `${printable(name)} is unloaded; the next request for it loads it.`),
    ...status.consumers.filter(isIll).flatMap((consumer) => illness(consumer, paint)),
  ];
  return lines.length === 0 ? [] : ['', ...lines];
}

function illness(consumer: ConsumerStatus, paint: Paint): string[] {
  const error = printable(consumer.lastError ?? 'the daemon does not say why');
  return [`${paint('red', `${printable(consumer.name)} is unhealthy:`)} ${error}`, `  Try: ${printable(adviceFor(consumer))}`];
}

function reloadLines(error: string): string {
  return error.split('\n').map((line) => `  ${printable(line)}`).join('\n');
}
