import type { StageTimes } from './headers.ts';

/** What of an exchange is noted when it happens, as its times do not tell: it asked for the card, got it, its consumer was asked. */
export type TraceMoment = 'asked' | 'granted' | 'sent';

/** What a trace shows of an exchange that has ended. */
export interface TracedExchange {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly kind: string | null;
  readonly consumer: string | null;
  readonly model: string | null;
  /** null: no answer was begun. */
  readonly status: number | null;
  /** Code of our own error. */
  readonly error: string | null;
  readonly cut: string | null;
  readonly times: StageTimes;
}

/** The trace of one exchange, while it lasts. */
export interface Trace {
  /** For the consumer. */
  readonly traceparent: string;
  /** The client's `tracestate` belongs to this trace. */
  readonly keepsState: boolean;
  mark(moment: TraceMoment): void;
  /** The exchange has ended, however it ended. */
  end(exchange: TracedExchange): void;
}

/** When what happened; monotonic, ms. Missing: it did not. */
export type TraceMarks = Readonly<Partial<Record<TraceMoment, number>>> & { readonly startedAt: number; readonly endedAt: number };

/** A part of an exchange; monotonic, ms. */
export interface Part {
  readonly name: 'route' | 'wait' | 'evict' | 'load' | 'upstream';
  readonly from: number;
  readonly to: number;
}

/**
 * The parts of an exchange. Waiting, making room and loading are measured as durations that end with the grant: they are laid in the
 * order in which they happen where there is one of each.
 */
export function partsOf(marks: TraceMarks, times: StageTimes): Part[] {
  const { startedAt, endedAt, asked, granted, sent } = marks;
  const parts: Part[] = [{ name: 'route', from: startedAt, to: asked ?? sent ?? endedAt }];
  if (asked !== undefined) parts.push(...untilGrant(asked, granted ?? endedAt, times));
  if (sent !== undefined) parts.push({ name: 'upstream', from: sent, to: endedAt });
  return parts;
}

function untilGrant(asked: number, granted: number, { evict, load }: StageTimes): Part[] {
  const loadFrom = Math.max(asked, granted - (load ?? 0));
  const evictFrom = Math.max(asked, loadFrom - (evict ?? 0));
  const parts: Part[] = [{ name: 'wait', from: asked, to: evictFrom }];
  if (evict !== undefined) parts.push({ name: 'evict', from: evictFrom, to: loadFrom });
  if (load !== undefined) parts.push({ name: 'load', from: loadFrom, to: granted });
  return parts;
}

/** Where spans are sent to; null: nowhere. What the configuration says comes before the environment, in which the signal's own address comes first. */
export function traceEndpoint(configured: string | undefined, env: Readonly<Record<string, string | undefined>>): string | null {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return null;
  const exact = configured === undefined ? env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] : undefined;
  if (exact !== undefined && exact !== '') return exact;
  const base = configured ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  return base === '' ? null : `${base.replace(/\/+$/, '')}/v1/traces`;
}
