import type { CounterConfiguration, HistogramConfiguration, MetricObjectWithValues, MetricValue } from 'prom-client';
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
import { METRICS } from './catalogue.ts';
import type { KeyOf, LabelsOf } from './catalogue.ts';
import type { Tally, TalliedValue } from './tally.ts';

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

/** What a scrape answers, and the only door to prom-client: gauges, which are set for each, the tally's counts, and what is told of the process. */
export class Meters {
  readonly #registry = new Registry();
  /** By key of the catalogue. */
  readonly #gauges = new Map<string, Gauge>();

  constructor(tally: Tally) {
    for (const [key, spec] of Object.entries(METRICS)) {
      const settings = { name: spec.name, help: spec.help, labelNames: [...spec.labels], registers: [this.#registry] };
      if (spec.type === 'gauge') this.#gauges.set(key, new Gauge(settings));
      else if (spec.type === 'counter') new TalliedCounter(settings, tally);
      else new TalliedHistogram(settings, tally);
    }
    // Not before somebody asks, as looking at the event loop and the collector costs a little.
    for (const collect of DEFAULTS) collect(this.#registry, { eventLoopMonitoringPrecision: LOOP_RESOLUTION_MS });
    const name = 'process_cpu_seconds_total';
    const cpu: Counter = new Counter({ name, help: 'User and system CPU time of the process.', registers: [this.#registry], collect: () => readCpu(cpu) });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  set<K extends KeyOf<'gauge'>>(key: K, labels: LabelsOf<K>, value: number): void {
    this.#gauges.get(key)?.set(labels, value);
  }

  /** Forgets all gauges: they are read anew for each scrape. */
  clear(): void {
    for (const gauge of this.#gauges.values()) gauge.reset();
  }

  /** Everything in the text format of Prometheus. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** Its values are in the tally; prom-client makes text of them. */
class TalliedCounter extends Counter {
  readonly #values: () => TalliedValue[];

  constructor(settings: CounterConfiguration<string>, tally: Tally) {
    super(settings);
    this.#values = () => tally.values(settings.name);
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    return { ...(await super.get()), values: this.#values() };
  }
}

/** The same. prom-client asks histograms for their values in this way, which its types do not know. */
class TalliedHistogram extends Histogram {
  readonly #told: () => object;

  constructor(settings: HistogramConfiguration<string>, tally: Tally) {
    super(settings);
    const { name, help } = settings;
    this.#told = () => ({ name, help, type: 'histogram', values: tally.values(name) });
  }

  async getForPromString(): Promise<object> {
    return this.#told();
  }
}

function readCpu(cpu: Counter): void {
  const { user, system } = process.cpuUsage();
  cpu.reset();
  cpu.inc((user + system) / 1e6);
}
