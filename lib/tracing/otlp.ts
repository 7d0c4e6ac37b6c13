import type { Attributes, HrTime, Tracer } from '@opentelemetry/api';
import type { IdGenerator, ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { SpanIds } from '../core/trace-context.ts';

/** A span that has ended, ready to be sent. Wall clock, ms since 1970. */
export interface EndedSpan {
  readonly name: string;
  readonly ids: SpanIds;
  /** null: it begins its trace. */
  readonly parent: (SpanIds & { readonly isRemote: boolean }) | null;
  readonly role: 'server' | 'client' | 'internal';
  readonly from: number;
  readonly to: number;
  readonly attributes: Attributes;
  readonly isFailed: boolean;
}

/** Takes spans and sends them in the background. */
export interface SpanSink {
  take(span: EndedSpan): void;
  /** Sends what is left. Rejects when that fails. */
  close(): Promise<void>;
}

/** Where to send, as what, and who is told how that went. */
export interface SinkOptions {
  readonly url: string;
  readonly service: string;
  readonly version: string;
  /** @param problem why a sending failed; null: it did not */
  onSent(problem: string | null): void;
}

/** Spans that may wait to be sent; further ones are dropped. Some 300 exchanges, 2 MiB. */
const MOST_WAITING = 2048;
const BATCH = 512;
const SEND_EVERY_MS = 1000;
/** For one sending with its repetitions. */
const SEND_LIMIT_MS = 5000;
/** A model's name may be as long as a client likes. */
const LONGEST_ATTRIBUTE = 256;
const ROLES = { internal: 'INTERNAL', server: 'SERVER', client: 'CLIENT' } as const;

/** Hands out the ids that an exchange was given when it began. */
class GivenIds implements IdGenerator {
  next: SpanIds = { traceId: '', spanId: '', isSampled: false };

  generateTraceId(): string {
    return this.next.traceId;
  }

  generateSpanId(): string {
    return this.next.spanId;
  }
}

/** Loads OpenTelemetry, and opens the way to a collector (OTLP over HTTP). The only door to its packages. */
export async function openSink(options: SinkOptions): Promise<SpanSink> {
  const [api, sdk, { OTLPTraceExporter }, { defaultResource, resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = told(new OTLPTraceExporter({ url: options.url, timeoutMillis: SEND_LIMIT_MS, concurrencyLimit: 2 }), options);
  const limits = { maxQueueSize: MOST_WAITING, maxExportBatchSize: BATCH, scheduledDelayMillis: SEND_EVERY_MS, exportTimeoutMillis: 2 * SEND_LIMIT_MS };
  const ids = new GivenIds();
  const provider = new sdk.TracerProvider({
    idGenerator: ids,
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': options.service, 'service.version': options.version })),
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, ...limits })],
  });
  const tracer = provider.getTracer('mgpumanager', options.version);
  return { take: (span) => write({ tracer, ids, api }, span), close: () => provider.shutdown() };
}

interface Writer {
  readonly tracer: Tracer;
  readonly ids: GivenIds;
  readonly api: Pick<typeof import('@opentelemetry/api'), 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'TraceFlags' | 'trace'>;
}

function write({ tracer, ids, api }: Writer, { name, ids: own, parent, role, from, to, attributes, isFailed }: EndedSpan): void {
  ids.next = own;
  const above = parent === null ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, { ...parent, traceFlags: api.TraceFlags.SAMPLED });
  const span = tracer.startSpan(name, { kind: api.SpanKind[ROLES[role]], startTime: hrTime(from), attributes }, above);
  if (isFailed) span.setStatus({ code: api.SpanStatusCode.ERROR });
  span.end(hrTime(Math.max(from, to)));
}

/** As seconds and nanoseconds, which nobody takes for a time since the start of the process. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** The same exporter, whose every result is told. */
function told(exporter: SpanExporter, { onSent }: SinkOptions): SpanExporter {
  return {
    export: (spans: ReadableSpan[], done) => {
      exporter.export(spans, (result) => {
        onSent(result.error?.message ?? null);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
