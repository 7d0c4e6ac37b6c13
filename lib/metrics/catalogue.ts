/** A metric as Prometheus knows it; `labels` are its label names. */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

const counter = <const L extends readonly string[]>(name: string, labels: L, help: string) => ({ type: 'counter', name, labels, help }) as const;
const gauge = <const L extends readonly string[]>(name: string, labels: L, help: string) => ({ type: 'gauge', name, labels, help }) as const;
const histogram = <const L extends readonly string[]>(name: string, labels: L, help: string) => ({ type: 'histogram', name, labels, help }) as const;

/** Upper bounds of all histograms, s: each twice the one before, from a request that met no queue to one that waited five minutes. */
export const BUCKETS: readonly number[] = Array.from({ length: 16 }, (_, power) => 2 ** power / 100);

/** All of our own metrics. `docs/metrics.md` says the same; a test holds them together. */
export const METRICS = {
  buildInfo: gauge('mgpu_build_info', ['version', 'node'], 'Always 1.'),
  requests: counter('mgpu_requests_total', ['kind', 'consumer', 'code'], 'Requests that have ended.'),
  requestSeconds: histogram('mgpu_request_duration_seconds', ['kind', 'consumer', 'outcome'], 'From the arrival of a request to the end of its answer.'),
  queueSeconds: histogram('mgpu_queue_wait_seconds', ['kind', 'consumer'], 'How long requests waited that got the card, without making room and loading.'),
  firstByteSeconds: histogram('mgpu_time_to_first_byte_seconds', ['kind', 'consumer', 'cold'], 'From asking for the card to the first byte of the consumer\'s answer.'),
  runSeconds: histogram('mgpu_run_seconds', ['kind', 'consumer'], 'How long the card was held, from the grant until the consumer had stopped working.'),
  rejected: counter('mgpu_requests_rejected_total', ['reason'], 'Requests that the broker refused.'),
  disconnects: counter('mgpu_client_disconnects_total', ['phase'], 'Clients that left before their answer was whole.'),
  running: gauge('mgpu_requests_running', ['consumer'], 'Requests that have the card now.'),
  waiting: gauge('mgpu_requests_waiting', ['consumer'], 'Requests that wait for the card now.'),
  oldestWait: gauge('mgpu_queue_oldest_wait_seconds', [], 'How long the one that waits longest has waited; 0: nobody waits.'),
  leases: gauge('mgpu_leases_held', [], 'Leases that clients hold by hand.'),
  paused: gauge('mgpu_paused', [], '1 while the card is kept from new work by hand.'),
  draining: gauge('mgpu_draining', [], '1 while the broker shuts down.'),
  evictions: counter('mgpu_evictions_total', ['victim', 'reason', 'result'], 'Unloadings that have ended.'),
  evictSeconds: histogram('mgpu_eviction_duration_seconds', ['victim'], 'From the unload hook until the memory was seen free.'),
  freedBytes: counter('mgpu_eviction_freed_bytes_total', ['victim'], 'Memory that the card showed as freed by unloadings.'),
  loads: counter('mgpu_model_loads_total', ['consumer', 'result'], 'Loadings by a load hook that have ended.'),
  loadSeconds: histogram('mgpu_model_load_duration_seconds', ['consumer'], 'From the load hook to the first good probe after it.'),
  up: gauge('mgpu_consumer_up', ['consumer'], '1: it answers its probes; 0: it does not. Missing: not probed yet.'),
  loadable: gauge('mgpu_consumer_loadable', ['consumer'], '1: it can be loaded, so that it need not answer while it is absent: by a command, or by a call while something listens there.'),
  residency: gauge('mgpu_consumer_residency', ['consumer', 'state'], '1 for the state that its weights are in, 0 for the others.'),
  externalWork: gauge('mgpu_consumer_external_work', ['consumer'], '1 while it works on something that did not come through the broker.'),
  probes: counter('mgpu_probes_total', ['consumer', 'result'], 'Probes that have ended.'),
  probeSeconds: gauge('mgpu_consumer_probe_duration_seconds', ['consumer'], 'How long the last good probe took.'),
  gpuInfo: gauge('mgpu_gpu_info', ['uuid', 'name'], 'Always 1.'),
  gpuReadable: gauge('mgpu_gpu_readable', [], '1: the last reading of the card was good.'),
  gpuTotal: gauge('mgpu_gpu_memory_total_bytes', ['uuid'], 'Memory of the card.'),
  gpuFree: gauge('mgpu_gpu_memory_free_bytes', ['uuid'], 'Free memory of the card.'),
  gpuUsed: gauge('mgpu_gpu_memory_used_bytes', ['uuid', 'consumer'], 'Memory of the card that a consumer uses, where it is known.'),
  gpuForeign: gauge('mgpu_gpu_memory_foreign_bytes', ['uuid'], 'Memory of processes that belong to no consumer.'),
  gpuUnattributed: gauge('mgpu_gpu_memory_unattributed_bytes', ['uuid'], 'Memory in use that no listed process explains.'),
  loopP99: gauge('mgpu_event_loop_delay_p99_seconds', [], 'How long the event loop was held up, 99th percentile of the last 30 to 60 s.'),
  loopMax: gauge('mgpu_event_loop_delay_max_seconds', [], 'The longest that the event loop was held up in the last 30 to 60 s.'),
  connections: gauge('mgpu_open_connections', [], 'Connections of clients.'),
  events: counter('mgpu_events_total', ['type'], 'Events of the event log.'),
  watchers: gauge('mgpu_event_watchers', [], 'Open event streams.'),
  watchersCut: counter('mgpu_event_buffer_overflows_total', [], 'Event streams that were cut, as they were read too slowly.'),
  reloads: counter('mgpu_config_reloads_total', ['result'], 'Configurations that were offered by a reload.'),
  configGood: gauge('mgpu_config_good', [], '0: the last configuration that was offered is not valid, and the one before it is used.'),
} as const satisfies Record<string, MetricSpec>;

type Metrics = typeof METRICS;

/** The metrics of a type. */
export type KeyOf<T extends MetricSpec['type']> = { [K in keyof Metrics]: Metrics[K]['type'] extends T ? K : never }[keyof Metrics];

/** The labels of a metric with their values. */
export type LabelsOf<K extends keyof Metrics> = Readonly<Record<Metrics[K]['labels'][number], string>>;
