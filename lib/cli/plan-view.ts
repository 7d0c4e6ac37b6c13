import { itemsOf, memberOf } from '../config/tree.ts';
import { table, type Cell, type Column } from './table.ts';
import { count, printable } from './words.ts';

const MEMORY = ['required_mib', 'headroom_mib', 'free_mib'];

const PLAN_COLUMNS: readonly Column[] = [
  { heading: 'CONSUMER' },
  { heading: 'PLAN' },
  { heading: 'REQUIRED MiB', align: 'right' },
  { heading: 'HEADROOM MiB', align: 'right' },
  { heading: 'FREE MiB', align: 'right' },
];

const HOLDER_COLUMNS: readonly Column[] = [{ heading: 'HOLDER' }, { heading: 'MiB', align: 'right' }, { heading: 'WHAT' }];

/** What `GET /v1/plan` says, for people: the reason, the numbers, and who is in the way. Ends with a newline. */
export function renderPlan(body: unknown, width: number | null): string {
  const numbers = [cell(memberOf(body, 'consumer')), cell(memberOf(body, 'plan')), ...MEMORY.map((key) => mibCell(body, key))];
  const holders = holderRows(body);
  const lines = [
    text(memberOf(body, 'reason')),
    '',
    ...table(PLAN_COLUMNS, [numbers], width),
    ...(holders.length === 0 ? [] : ['', ...table(HOLDER_COLUMNS, holders, width)]),
  ];
  return `${lines.join('\n')}\n`;
}

function holderRows(body: unknown): Cell[][] {
  return [
    ...itemsOf(memberOf(body, 'targets')).map((target) => [cell(memberOf(target, 'consumer')), mibCell(target, 'frees_mib'), { text: 'will be unloaded' }]),
    ...itemsOf(memberOf(body, 'busy')).map((name) => [cell(name), { text: '-' }, { text: 'is busy' }]),
    ...itemsOf(memberOf(body, 'foreign')).map((process) => [foreignName(process), mibCell(process, 'mib'), { text: 'belongs to no consumer' }]),
  ];
}

function foreignName(process: unknown): Cell {
  const name = memberOf(process, 'name');
  return { text: `${typeof name === 'string' ? printable(name) : 'process'} (pid ${text(memberOf(process, 'pid'))})` };
}

function mibCell(record: unknown, key: string): Cell {
  const value = memberOf(record, key);
  return { text: count(typeof value === 'number' ? value : null) };
}

function cell(value: unknown): Cell {
  return { text: text(value) };
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? printable(String(value)) : '-';
}
