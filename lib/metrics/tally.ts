import { BUCKETS, METRICS } from './catalogue.ts';
import type { KeyOf, LabelsOf, MetricSpec } from './catalogue.ts';

type Labels = Readonly<Record<string, string>>;

/** What is counted under the same labels. */
interface Series {
  readonly labels: Labels;
  /** Of a counter its value. */
  sum: number;
  count: number;
  /** How many fell into each bucket of a histogram, and at last into none; null: it is a counter. */
  readonly buckets: number[] | null;
}

/** A value as the text format has it. */
export interface TalliedValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * The counters and histograms, counted without prom-client: that is loaded only for those who scrape, and what it does for each number
 * (sorting the labels, checking them, making texts of them) took five times as long as all of this.
 */
export class Tally {
  /** By name of the metric, then by the values of the labels. */
  readonly #series = new Map<string, Map<string, Series>>();

  count<K extends KeyOf<'counter'>>(key: K, labels: LabelsOf<K>, by = 1): void {
    this.#seriesOf(METRICS[key], labels).sum += by;
  }

  /** @param ms what took so long; the histogram is in seconds */
  observe<K extends KeyOf<'histogram'>>(key: K, labels: LabelsOf<K>, ms: number): void {
    const series = this.#seriesOf(METRICS[key], labels);
    const seconds = ms / 1000;
    series.sum += seconds;
    series.count += 1;
    let bucket = 0;
    while (seconds > (BUCKETS[bucket] ?? Infinity)) bucket += 1;
    if (series.buckets !== null) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  /** What there is of the metric of that name, in the order of its first counts. */
  values(name: string): TalliedValue[] {
    const all = [...(this.#series.get(name)?.values() ?? [])];
    return all.flatMap((series) => (series.buckets === null ? [{ metricName: name, labels: series.labels, value: series.sum }] : histogramValues(name, series, series.buckets)));
  }

  /** Forgets a counter: it is counted anew. */
  reset(key: KeyOf<'counter'>): void {
    this.#series.delete(METRICS[key].name);
  }

  /** Forgets what `isGone` says of the value of one of these labels. */
  forget(labelNames: readonly string[], isGone: (value: string) => boolean): void {
    for (const metric of this.#series.values()) {
      for (const [id, { labels }] of metric) {
        if (labelNames.some((name) => labels[name] !== undefined && isGone(labels[name]))) metric.delete(id);
      }
    }
  }

  #seriesOf({ type, name, labels: labelNames }: MetricSpec, labels: Labels): Series {
    let metric = this.#series.get(name);
    if (metric === undefined) this.#series.set(name, (metric = new Map<string, Series>()));
    let id = '';
    // No value of ours holds a line break.
    for (const each of labelNames) id += `${labels[each] ?? ''}\n`;
    let series = metric.get(id);
    if (series === undefined) metric.set(id, (series = { labels, sum: 0, count: 0, buckets: type === 'histogram' ? Array<number>(BUCKETS.length + 1).fill(0) : null }));
    return series;
  }
}

/** Each bucket counts all that are at most as large as its bound. */
function histogramValues(name: string, { labels, sum, count }: Series, buckets: readonly number[]): TalliedValue[] {
  let total = 0;
  const bounded = BUCKETS.map((le, index) => ({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: (total += buckets[index] ?? 0) }));
  return [
    ...bounded,
    { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
