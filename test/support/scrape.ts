import parse from 'parse-prometheus-text-format';
import type { ParsedFamily, ParsedSample } from 'parse-prometheus-text-format';

type Labels = Readonly<Record<string, string>>;

/** The answer of a scrape, as Prometheus would read it. */
export class Scrape {
  /** With name, type and help. */
  readonly families: readonly ParsedFamily[];
  /** By the name of the line: those of a histogram end with _bucket, _sum and _count. */
  readonly #lines: readonly ParsedFamily[];

  constructor(text: string) {
    this.families = parse(text);
    // The parser adds up all series of what it knows for a histogram.
    this.#lines = parse(text.replace(/^# (?:TYPE \S+ histogram|HELP .*)\n/gm, ''));
  }

  /** The value of the one series with these labels and no others; null: there is none. */
  value(name: string, labels: Labels = {}): number | null {
    const found = this.series(name).find((each) => isSame(each.labels ?? {}, labels));
    return found === undefined ? null : Number(found.value);
  }

  series(name: string): readonly ParsedSample[] {
    return this.#lines.filter((family) => family.name === name).flatMap(({ metrics }) => metrics);
  }

  /** All names of lines with the labels that they have. */
  get lines(): { readonly name: string; readonly labels: readonly string[] }[] {
    return this.#lines.flatMap(({ name, metrics }) => metrics.map(({ labels = {} }) => ({ name, labels: Object.keys(labels) })));
  }

  /** All values that a label has, of all metrics. */
  labelValues(name: string): string[] {
    const all = this.#lines.flatMap(({ metrics }) => metrics.flatMap(({ labels }) => labels?.[name] ?? []));
    return [...new Set(all)].toSorted();
  }
}

function isSame(some: Labels, others: Labels): boolean {
  return Object.keys(some).length === Object.keys(others).length && Object.entries(others).every(([name, value]) => some[name] === value);
}
