import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import type { EventType } from '../core/events.ts';
import type { DaemonAddress } from './client.ts';
import { eventLine } from './event-words.ts';
import { listen, type Heard } from './event-source.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { numberOf } from './members.ts';
import { UsageError } from './settings.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './words.ts';

/** What there is; `--types` takes these. */
const TYPES = {
  request_waiting: true, request_granted: true, request_finished: true, request_released: true, unloading: true, unloaded: true, loading: true, loaded: true,
  residency: true, health: true, config: true, pause: true, sample: true,
} as const satisfies Record<EventType, true>;

export interface EventsOptions extends DaemonAddress {
  /** Stay, and tell of each new one. */
  readonly follow: boolean;
  /** null: all but the readings of the card, of which there is one every few seconds. */
  readonly types: readonly string[] | null;
  readonly json: boolean;
}

/** @throws UsageError if one of them is no type of an event. */
export function eventTypes(option: string): string[] {
  const types = option.split(',').map((each) => each.trim()).filter((each) => each !== '');
  const known = Object.keys(TYPES);
  const unknown = types.find((type) => !known.includes(type));
  if (unknown !== undefined || types.length === 0) throw new UsageError(`expected some of ${known.join(', ')} for --types, got ${JSON.stringify(unknown ?? option)}`);
  return types;
}

/** Tells what has happened lately, and with `follow` what happens. Returns the exit code. */
export async function events({ follow, types, json, ...daemon }: EventsOptions, terminal: Terminal): Promise<number> {
  const teller = new EventTeller({ types, json }, terminal);
  const ending = new AbortController();
  const pause = (ms: number): Promise<boolean> => terminal.pause(ms);
  for await (const heard of listen({ ...daemon, path: '/v1/events', signal: ending.signal, pause })) {
    if (heard.kind !== 'event' && heard.kind !== 'lost') return reportFailure(heard, terminal);
    teller.hear(heard);
    if (!follow && heard.kind === 'event' && heard.type === 'snapshot') break;
  }
  return EXIT.fine;
}

/** Prints each event once, also where a new snapshot repeats some. */
class EventTeller {
  readonly #terminal: Terminal;
  readonly #isShown: (type: string) => boolean;
  readonly #json: boolean;
  #boot: string | null = null;
  #lastId = 0;
  #isLost = false;

  constructor({ types, json }: Pick<EventsOptions, 'types' | 'json'>, terminal: Terminal) {
    this.#terminal = terminal;
    this.#json = json;
    this.#isShown = (type) => types?.includes(type) ?? type !== 'sample';
  }

  hear(heard: Extract<Heard, { kind: 'event' | 'lost' }>): void {
    if (heard.kind === 'lost') return this.#lost(heard.message);
    if (this.#isLost) this.#terminal.err('mgpumanager: connected again\n');
    this.#isLost = false;
    if (heard.type === 'snapshot') this.#snapshot(heard.data);
    else if (heard.type === 'reset') this.#terminal.err('mgpumanager: some events were missed\n');
    else this.#tell(heard.data);
  }

  /** Once, however often it is tried in vain. */
  #lost(message: string): void {
    if (!this.#isLost) this.#terminal.err(`mgpumanager: ${printable(message)}; trying again\n`);
    this.#isLost = true;
  }

  #snapshot(snapshot: unknown): void {
    const boot = textOf(snapshot, 'boot');
    if (boot !== this.#boot) this.#lastId = 0;
    this.#boot = boot;
    for (const event of itemsOf(memberOf(snapshot, 'events'))) this.#tell(event);
  }

  #tell(event: unknown): void {
    const id = numberOf(event, 'id');
    const type = textOf(event, 'type');
    if (id === null || type === null || id <= this.#lastId) return;
    this.#lastId = id;
    if (this.#isShown(type)) this.#terminal.out(this.#json ? `${JSON.stringify(event)}\n` : `${eventLine(event, this.#terminal)}\n`);
  }
}
