import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import eventLoopLag from 'prom-client/lib/metrics/eventLoopLag.js';
import gc from 'prom-client/lib/metrics/gc.js';
import heapSizeAndUsed from 'prom-client/lib/metrics/heapSizeAndUsed.js';
import heapSpacesSizeAndUsed from 'prom-client/lib/metrics/heapSpacesSizeAndUsed.js';
import osMemoryHeap from 'prom-client/lib/metrics/osMemoryHeap.js';
import processMaxFileDescriptors from 'prom-client/lib/metrics/processMaxFileDescriptors.js';
import processOpenFileDescriptors from 'prom-client/lib/metrics/processOpenFileDescriptors.js';
import processStartTime from 'prom-client/lib/metrics/processStartTime.js';
import nodeVersion from 'prom-client/lib/metrics/version.js';
import Registry from 'prom-client/lib/registry.js';
import { BUCKETS, METRICS } from './catalogue.ts';
import type { KeyOf, LabelsOf, MetricSpec } from './catalogue.ts';

/** Ours of the event loop is made with the same. ms */
const LOOP_RESOLUTION_MS = 20;
/** All but its `nodejs_active_resources`: one of them is a gauge with the name of a counter, which `promtool check metrics` refuses. */
const DEFAULTS = [
  eventLoopLag,
  gc,
  heapSizeAndUsed,
  heapSpacesSizeAndUsed,
  nodeVersion,
  osMemoryHeap,
  processMaxFileDescriptors,
  processOpenFileDescriptors,
  processStartTime,
] as const;

/** The metrics with their values, and the only door to prom-client. */
export class Meters {
  readonly #registry = new Registry();
  /** By key of the catalogue. */
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    for (const [key, spec] of Object.entries(METRICS)) this.#add(key, spec);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  count<K extends KeyOf<'counter'>>(key: K, labels: LabelsOf<K>, by = 1): void {
    this.#counters.get(key)?.inc(labels, by);
  }

  set<K extends KeyOf<'gauge'>>(key: K, labels: LabelsOf<K>, value: number): void {
    this.#gauges.get(key)?.set(labels, value);
  }

  /** @param ms what took so long; the histogram is in seconds */
  observe<K extends KeyOf<'histogram'>>(key: K, labels: LabelsOf<K>, ms: number): void {
    this.#histograms.get(key)?.observe(labels, ms / 1000);
  }

  /** Forgets all gauges, and these counters: they are read anew for each scrape. */
  clear(counters: readonly KeyOf<'counter'>[]): void {
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const key of counters) this.#counters.get(key)?.reset();
  }

  /** Forgets what `isGone` says of a label's value, of all counters and histograms that have one of these labels. */
  async forget(labelNames: readonly string[], isGone: (value: string) => boolean): Promise<void> {
    for (const metric of [...this.#counters.values(), ...this.#histograms.values()]) {
      const { values } = await metric.get();
      for (const { labels } of values) {
        const series = Object.entries(labels).filter(([name]) => name !== 'le');
        if (series.some(([name, value]) => labelNames.includes(name) && isGone(String(value)))) metric.remove(Object.fromEntries(series));
      }
    }
  }

  /** Adds what is told of the process itself. Not before somebody asks, as looking at the event loop and the collector costs a little. */
  addDefaults(): void {
    for (const collect of DEFAULTS) collect(this.#registry, { eventLoopMonitoringPrecision: LOOP_RESOLUTION_MS });
    const name = 'process_cpu_seconds_total';
    const cpu: Counter = new Counter({ name, help: 'User and system CPU time of the process.', registers: [this.#registry], collect: () => readCpu(cpu) });
  }

  /** Everything in the text format of Prometheus. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  #add(key: string, { type, name, help, labels }: MetricSpec): void {
    const settings = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') this.#counters.set(key, new Counter(settings));
    else if (type === 'gauge') this.#gauges.set(key, new Gauge(settings));
    else this.#histograms.set(key, new Histogram({ ...settings, buckets: [...BUCKETS] }));
  }
}

function readCpu(cpu: Counter): void {
  const { user, system } = process.cpuUsage();
  cpu.reset();
  cpu.inc((user + system) / 1e6);
}
