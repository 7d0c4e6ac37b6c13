import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { until } from './until.ts';

/** One event as a client reads it. */
export interface ReadEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client that watches `GET /v1/events` and keeps all that it reads. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** Everything, comments too, as it came. */
  text = '';
  isOver = false;
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;

  private constructor(sent: ClientRequest, response: IncomingMessage) {
    this.#request = sent;
    this.response = response;
    const parser = createParser({ onEvent: ({ event = '', id, data }) => void this.events.push({ event, id: id ?? null, data: JSON.parse(data) }) });
    response.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
      parser.feed(chunk);
    });
    response.on('error', () => undefined).once('close', () => (this.isOver = true));
  }

  /** Begins to watch; resolves with the head of the answer. */
  static async open(url: string, lastEventId?: string): Promise<EventReader> {
    const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const sent = request(url, { headers, agent: false });
    sent.end();
    const response = await new Promise<IncomingMessage>((resolve, reject) => sent.once('response', resolve).once('error', reject));
    sent.on('error', () => undefined);
    return new EventReader(sent, response);
  }

  /** What its events are called, oldest first. */
  get names(): string[] {
    return this.events.map(({ event }) => event);
  }

  /** Id of what it last read. */
  get lastId(): string {
    return this.events.findLast(({ id }) => id !== null)?.id ?? '';
  }

  /** The events of one name. */
  of(name: string): Readonly<Record<string, unknown>>[] {
    return this.events.filter(({ event }) => event === name).map(({ data }) => data);
  }

  /** Resolves with the first event of that name whose data has these members. */
  async found(name: string, members: Readonly<Record<string, unknown>> = {}): Promise<Readonly<Record<string, unknown>>> {
    const isIt = (data: Readonly<Record<string, unknown>>): boolean => Object.entries(members).every(([key, value]) => data[key] === value);
    await until(() => this.of(name).some(isIt));
    return this.of(name).find(isIt) ?? {};
  }

  /** Resolves when the stream has ended, or was cut. */
  async ended(): Promise<void> {
    await until(() => this.isOver);
  }

  leave(): void {
    this.#request.destroy();
  }
}
