import { adviceFor, isIll } from './advice.ts';
import type { ConsumerStatus } from './consumer-status.ts';
import { purpose } from './event-words.ts';
import { dateOf, numberOf } from './members.ts';
import { textOf } from '../config/tree.ts';
import type { StatusDocument } from './status-document.ts';
import { pausedSince } from './status-lines.ts';
import type { Picture } from './top-picture.ts';
import { INDENT, shareRows, type Section } from './top-rows.ts';
import { runningRows, waitingRows } from './top-work.ts';
import { memoryBar, memoryLegend, memoryParts } from './vram-bar.ts';
import { cells, cut, fitted } from './width.ts';
import { duration, gib, ownAscii, painter, printable, timeOfDay, type Style } from './words.ts';

/** What the picture is drawn on, and how. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly ascii: boolean;
  readonly color: boolean;
  readonly now: Date;
  /** Where the daemon is. */
  readonly url: string;
  /** The picture stands still. */
  readonly isHeld: boolean;
  readonly showsHelp: boolean;
}

/** Of a line: its text, and how it is painted once it has been cut. */
type Painted = readonly [text: string, style: Style | null];

const HELP = [
  'q      quit',
  'p      hold the picture, and let it go on',
  'h      this help',
  '',
  'The bar is the memory of the card, by who holds it.',
  'An estimate says when a request begins, and within which range; `evicts` is what has to go for it.',
  '`mgpumanager cancel ID` takes a request out of the queue.',
];

/** The picture as lines: at most as many as the frame is high, each at most as wide. */
export function renderTop(picture: Picture, frame: Frame): string[] {
  const draw = drawer(frame);
  const foot = draw(frame.isHeld ? 'HELD: p goes on   q quit   h help' : 'q quit   p hold   h help', frame.isHeld ? 'yellow' : 'dim');
  const head = [headLine(picture, frame), ...(frame.showsHelp ? [''] : cardLines(picture, frame, draw)), ...noticeLines(picture).map(([text, style]) => draw(text, style))];
  const room = Math.max(0, frame.height - head.length - 1);
  const body = frame.showsHelp ? HELP.slice(0, room).map((line) => draw(line, null)) : bodyLines(picture, room, frame);
  return [...[...head, ...body].slice(0, Math.max(0, frame.height - 1)), foot].slice(0, frame.height);
}

type Draw = (text: string, style: Style | null) => string;

function drawer({ width, ascii, color }: Frame): Draw {
  const paint = painter(color);
  return (text, style) => {
    const short = cut(ascii ? asciiOf(text) : text, width, ascii ? '~' : '…');
    return style === null ? short : paint(style, short);
  };
}

/** What a terminal without UTF-8 has not is a question mark there, unless it is of our own words. */
function asciiOf(text: string): string {
  return ownAscii(text).replaceAll(/[^\x20-\x7e]/g, '?');
}

function headLine({ link, status }: Picture, frame: Frame): string {
  const paint = painter(frame.color);
  const version = status?.version ?? null;
  const left = `mGPUmanager${version === null ? '' : ` ${printable(version)}`} at ${frame.url}`;
  const words = { live: 'live', polling: 'polling', lost: 'NOT CONNECTED' }[link.state];
  const right = `${words}  ${timeOfDay(frame.now)}`;
  const text = frame.ascii ? asciiOf(left) : left;
  const room = frame.width - cells(right) - 2;
  if (room < 8) return cut(right, frame.width, '~');
  return `${paint('bold', fitted(text, room, frame.ascii ? '~' : '…'))}  ${link.state === 'lost' ? paint('red', right) : right}`;
}

function cardLines({ status }: Picture, frame: Frame, draw: Draw): string[] {
  const [gpu] = status?.gpus ?? [];
  if (status === null || gpu === undefined) return [''];
  const name = gpu.name === null ? 'GPU' : printable(gpu.name);
  const error = gpu.error === null ? '' : ` (${printable(gpu.error)})`;
  const sizes = draw(`${name}: ${gib(gpu.usedMib)} used of ${gib(gpu.totalMib)}, ${gib(gpu.freeMib)} free${error}`, error === '' ? null : 'yellow');
  const parts = memoryParts(status);
  const options = { width: frame.width, ascii: frame.ascii, paint: painter(frame.color) };
  return [sizes, ...(parts.length === 0 ? [] : [memoryBar(parts, options), ...memoryLegend(parts, options).slice(0, 2)]), ''];
}

/** What stands above everything else. */
function noticeLines({ link, status, queue }: Picture): Painted[] {
  const reloadError = status?.reloadError ?? null;
  const paused = queue?.paused ?? status?.paused ?? null;
  return [
    ...(link.state === 'lost' ? [[`${printable(link.message)}; trying again. This is the last that was known.`, 'red'] as const] : []),
    ...(paused === null ? [] : [[`${pausedSince(paused, 'P')}; \`mgpumanager resume\` ends it.`, 'yellow'] as const]),
    ...(status?.isDraining === true ? [['The daemon is shutting down and takes no new work.', 'yellow'] as const] : []),
    ...(reloadError === null ? [] : [[`The configuration was not reloaded: ${printable(reloadError)}`, 'yellow'] as const]),
  ];
}

function bodyLines(picture: Picture, room: number, frame: Frame): string[] {
  const draw = drawer(frame);
  const lines = shareRows(sectionsOf(picture, frame), room);
  return lines.map(({ text, style }) => draw(text, style));
}

function sectionsOf(picture: Picture, { now, width }: Frame): Section[] {
  const { status, queue } = picture;
  const sinceMs = picture.queueSeenAt === null ? 0 : Math.max(0, now.getTime() - picture.queueSeenAt.getTime());
  const frame = { width: width - INDENT, sinceMs };
  const running = queue?.running ?? [];
  const waiting = queue?.waiting ?? [];
  return [
    { title: `RUNNING ${running.length}`, rows: queue === null ? countRow(status, 'running') : runningRows(running, frame), rest: 0 },
    { title: `WAITING ${queue?.waitingTotal ?? 0}`, rows: queue === null ? countRow(status, 'waiting') : waitingRows(waiting, frame), rest: (queue?.waitingTotal ?? 0) - waiting.length },
    { title: 'CONSUMERS', rows: consumerRows(status?.consumers ?? []), rest: 0 },
    { title: 'LAST EVICTIONS', rows: picture.evictions.map(evictionRow), rest: 0 },
  ];
}

/** A daemon that does not list its queue still counts it. */
function countRow(status: StatusDocument | null, key: 'running' | 'waiting'): Section['rows'] {
  const number = status?.[key] ?? null;
  return number === null || number === 0 ? [] : [{ text: `${number}; this daemon does not list them`, style: null }];
}

function consumerRows(consumers: readonly ConsumerStatus[]): Section['rows'] {
  const size = consumers.reduce((longest, { name }) => Math.max(longest, cells(printable(name))), 0);
  return consumers.flatMap((consumer) => consumerRow(consumer, fitted(printable(consumer.name), size)));
}

function consumerRow(consumer: ConsumerStatus, name: string): Section['rows'] {
  const { health, residency, usedMib, running, lastError } = consumer;
  const isAsleep = health === 'unhealthy' && !isIll(consumer);
  const state = isAsleep ? 'unloaded' : health;
  const memory = usedMib === null ? '' : `  ${gib(usedMib)}`;
  const work = running === null || running === 0 ? '' : `  ${running} running`;
  if (!isIll(consumer)) return [{ text: `${name}  ${state}  ${printable(residency)}${memory}${work}`, style: null }];
  const error = printable(lastError ?? 'the daemon does not say why');
  return [{ text: `${name}  UNHEALTHY: ${error}`, style: 'red' }, { text: `  try: ${printable(adviceFor(consumer))}`, style: 'red' }];
}

function evictionRow(event: unknown): Section['rows'][number] {
  const name = printable(textOf(event, 'consumer') ?? '?');
  const isFailed = textOf(event, 'result') === 'failed';
  const freed = numberOf(event, 'freed_mib');
  const outcome = isFailed ? `failed: ${textOf(event, 'error') ?? '?'}` : `freed ${gib(freed)} in ${duration((numberOf(event, 'hook_ms') ?? 0) + (numberOf(event, 'settle_ms') ?? 0))}`;
  const explanation = textOf(event, 'explanation');
  return { text: printable(`${timeOfDay(dateOf(event, 'time'))}  ${name} ${purpose(event)}: ${outcome}${explanation === null ? '' : `; ${explanation}`}`), style: isFailed ? 'red' : null };
}
