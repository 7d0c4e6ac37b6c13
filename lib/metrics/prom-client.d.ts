/**
 * prom-client piece by piece. Its index loads `@opentelemetry/api` for one default metric, and nothing of OpenTelemetry is loaded here
 * unless traces are wanted.
 */
declare module 'prom-client/lib/counter.js' {
  export { Counter as default } from 'prom-client';
}
declare module 'prom-client/lib/gauge.js' {
  export { Gauge as default } from 'prom-client';
}
declare module 'prom-client/lib/histogram.js' {
  export { Histogram as default } from 'prom-client';
}
declare module 'prom-client/lib/registry.js' {
  export { Registry as default } from 'prom-client';
}
/** One group of default metrics. */
declare module 'prom-client/lib/metrics/*' {
  import type { Registry } from 'prom-client';
  const collect: (registry: Registry, options?: { readonly eventLoopMonitoringPrecision?: number }) => void;
  export default collect;
}
