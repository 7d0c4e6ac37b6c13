import { spread } from './statistics.js';

/** A number with as many digits as carry something. */
export function figure(value) {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `median (min–max)` of one figure over the rounds. */
export function spreadText(numbers, unit = '') {
  const { median, min, max } = spread(numbers);
  return `${figure(median)}${unit} (${figure(min)}–${figure(max)})`;
}

export function title(text) {
  console.log(`\n## ${text}\n`);
}

/** Prints rows as a Markdown table, so that a run can be pasted into docs/benchmarks.md. */
export function table(head, rows) {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [first, ...rest] = all.map(line);
  console.log([first, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rest].join('\n'));
}

/** Goals of the run with what was measured, in order. */
export class Goals {
  #rows = [];

  /** `measured` must be at most `most`. */
  atMost(name, most, { measured, unit = '', note = '' }) {
    this.#add({ name, goal: `≤ ${most}${unit}`, measured, unit, note, isMet: measured <= most });
  }

  /** `measured` must be at least `least`. */
  atLeast(name, least, { measured, unit = '', note = '' }) {
    this.#add({ name, goal: `≥ ${least}${unit}`, measured, unit, note, isMet: measured >= least });
  }

  get missed() {
    return this.#rows.filter((row) => !row.isMet).length;
  }

  print() {
    title('Goals');
    table(['goal', 'wanted', 'measured', ''], this.#rows.map(({ name, goal, measured, unit, note, isMet }) => {
      return [name, goal, `${figure(measured)}${unit}${note === '' ? '' : ` ${note}`}`, isMet ? 'met' : 'MISSED'];
    }));
  }

  #add(row) {
    this.#rows.push(row);
  }
}
