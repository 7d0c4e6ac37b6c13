import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';

/** A span as a collector gets it. Times in ms since 1970. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has none. */
  readonly parent: string;
  readonly from: number;
  readonly to: number;
  /** 1 internal, 2 server, 3 client. */
  readonly role: number;
  readonly isFailed: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** As OTLP writes it in JSON. */
interface Attributed {
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}
interface WireSpan extends Attributed {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
}
interface Batch {
  readonly resourceSpans: readonly { readonly resource: Attributed; readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[] }[];
}

/** A collector of traces (OTLP over HTTP, JSON) on a real socket. */
export class Collector {
  readonly spans: CollectedSpan[] = [];
  /** Attributes of who sent them. */
  readonly resource: Record<string, unknown> = {};
  readonly paths: string[] = [];
  /** Batches that were sent here, answered or not. */
  batches = 0;
  readonly #server: Server;
  readonly #answer: (res: ServerResponse) => void;

  private constructor(answer: (res: ServerResponse) => void) {
    this.#answer = answer;
    this.#server = createServer((req, res) => {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part)).on('end', () => this.#take(req.url ?? '', Buffer.concat(parts).toString(), res));
    });
  }

  /** One that answers with `answer`; default: that all is well. */
  static async start(answer: (res: ServerResponse) => void = (res) => res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')): Promise<Collector> {
    const collector = new Collector(answer);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the collector does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(path: string, body: string, res: ServerResponse): void {
    this.batches += 1;
    this.paths.push(path);
    const { resourceSpans }: Batch = JSON.parse(body);
    for (const { resource, scopeSpans } of resourceSpans) {
      Object.assign(this.resource, attributesOf(resource));
      for (const { spans } of scopeSpans) this.spans.push(...spans.map(spanOf));
    }
    this.#answer(res);
  }
}

function spanOf(span: WireSpan): CollectedSpan {
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parent: span.parentSpanId ?? '',
    from: Number(span.startTimeUnixNano) / 1e6,
    to: Number(span.endTimeUnixNano) / 1e6,
    role: span.kind,
    isFailed: span.status?.code === 2,
    attributes: attributesOf(span),
  };
}

/** `[{key, value: {stringValue}}]` as an object. */
function attributesOf({ attributes = [] }: Attributed): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
