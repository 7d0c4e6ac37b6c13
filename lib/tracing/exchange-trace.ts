import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { partsOf } from '../core/trace.ts';
import type { Part, Trace, TraceMarks, TraceMoment, TracedExchange } from '../core/trace.ts';
import { formatTraceparent, parseTraceparent } from '../core/trace-context.ts';
import type { SpanIds } from '../core/trace-context.ts';
import type { EndedSpan } from './otlp.ts';

/** An exchange whose trace is to be written. */
export interface EndedTrace {
  readonly own: SpanIds;
  /** The client's span; null: the trace begins here. */
  readonly parent: SpanIds | null;
  /** That of the request to the consumer, which the consumer has been told. */
  readonly upstream: SpanIds;
  readonly marks: TraceMarks;
  /** Wall clock at its start, ms since 1970. */
  readonly wallStart: number;
  readonly exchange: TracedExchange;
}

const SPAN_ID_BYTES = 8;
const TRACE_ID_BYTES = 16;

/** The trace of one exchange: its ids from the start, the rest when it has ended. */
export class ExchangeTrace implements Trace {
  readonly #clock: Clock;
  readonly #onEnd: (ended: EndedTrace) => void;
  readonly #parent: SpanIds | null;
  readonly #own: SpanIds;
  readonly #upstream: SpanIds;
  readonly #wallStart: number;
  readonly #startedAt: number;
  readonly #moments: Partial<Record<TraceMoment, number>> = {};

  constructor(traceparent: string | string[] | undefined, { clock, onEnd }: { readonly clock: Clock; readonly onEnd: (ended: EndedTrace) => void }) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#parent = parseTraceparent(traceparent);
    const { traceId, isSampled } = this.#parent ?? { traceId: newId(TRACE_ID_BYTES), isSampled: true };
    this.#own = { traceId, spanId: newId(SPAN_ID_BYTES), isSampled };
    this.#upstream = { traceId, spanId: newId(SPAN_ID_BYTES), isSampled };
    this.#wallStart = clock.wall().getTime();
    this.#startedAt = clock.now();
  }

  get traceparent(): string {
    return formatTraceparent(this.#upstream);
  }

  get keepsState(): boolean {
    return this.#parent !== null;
  }

  mark(moment: TraceMoment): void {
    this.#moments[moment] = this.#clock.now();
  }

  end(exchange: TracedExchange): void {
    // A path of ours is asked for by whatever watches the broker, every few seconds.
    if (!this.#own.isSampled || exchange.kind === null) return;
    const marks = { ...this.#moments, startedAt: this.#startedAt, endedAt: this.#clock.now() };
    this.#onEnd({ own: this.#own, parent: this.#parent, upstream: this.#upstream, marks, wallStart: this.#wallStart, exchange });
  }
}

/** The spans of an exchange: it, and its parts below it. */
export function spansOf(ended: EndedTrace): EndedSpan[] {
  const { own, parent, marks, exchange } = ended;
  const above = parent === null ? null : { ...parent, isRemote: true };
  const whole: EndedSpan = {
    name: `${exchange.method} ${exchange.kind ?? 'own'}`,
    ids: own,
    parent: above,
    role: 'server',
    from: ended.wallStart,
    to: ended.wallStart + marks.endedAt - marks.startedAt,
    attributes: attributesOf(exchange),
    isFailed: exchange.cut !== null || (exchange.status ?? 500) >= 500,
  };
  return [whole, ...partsOf(marks, exchange.times).map((part) => partSpan(part, ended))];
}

function partSpan({ name, from, to }: Part, { own, upstream, marks, wallStart, exchange }: EndedTrace): EndedSpan {
  const isUpstream = name === 'upstream';
  const firstByteMs = isUpstream ? exchange.times.upstream : undefined;
  return {
    name,
    ids: isUpstream ? upstream : { ...own, spanId: newId(SPAN_ID_BYTES) },
    parent: { ...own, isRemote: false },
    role: isUpstream ? 'client' : 'internal',
    from: wallStart + from - marks.startedAt,
    to: wallStart + to - marks.startedAt,
    attributes: { ...given('mgpu.consumer', exchange.consumer), ...given('mgpu.first_byte_ms', firstByteMs ?? null) },
    isFailed: isUpstream && exchange.times.upstream === undefined,
  };
}

function attributesOf({ id, method, path, kind, consumer, model, status, error, cut }: TracedExchange): EndedSpan['attributes'] {
  return {
    'http.request.method': method,
    'url.path': path,
    'mgpu.request_id': id,
    ...given('http.response.status_code', status),
    ...given('error.type', error ?? cut),
    ...given('mgpu.kind', kind),
    ...given('mgpu.consumer', consumer),
    ...given('mgpu.model', model),
  };
}

function given(name: string, value: string | number | null): EndedSpan['attributes'] {
  return value === null ? {} : { [name]: value };
}

function newId(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
