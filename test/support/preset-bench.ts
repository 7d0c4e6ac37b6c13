import type { Kind } from '../../lib/config/types.ts';
import { readWork, workOn } from '../../lib/demo/servers/work-record.ts';
import type { Overlap, WorkLine } from '../../lib/demo/servers/work-record.ts';
import { ALL_KINDS, startBroker } from './broker.ts';
import type { Broker, ConsumerStatus, Settings } from './broker.ts';
import type { FakeCard } from './fake-card.ts';
import { FakeConsumer } from './fake-consumer.ts';
import { openRequest, request } from './http.ts';
import type { Answer, OpenRequest, RequestOptions } from './http.ts';
import { untilAsked } from './until.ts';

/** What is put behind a broker. */
export interface BenchOptions {
  readonly preset: string;
  /** What it is asked for; its rival gets all the other kinds. */
  readonly kind: Kind;
  /** The simulated server. */
  readonly url: string;
  readonly card: FakeCard;
  /** Of the consumer, beside its preset and its address. */
  readonly settings?: Settings;
  /** Of the whole file. */
  readonly file?: Settings;
  /** What the rival needs. Default: so much that a card of 16376 MiB has to be nearly empty. */
  readonly rivalMib?: number;
}

const RIVAL_MIB = 14_000;

/** A simulated server with its preset behind a broker, and a rival that wants its memory. Both write into the card's record of work. */
export class PresetBench {
  readonly rival: FakeConsumer;
  readonly card: FakeCard;
  broker: Broker;
  readonly #options: BenchOptions;

  private constructor(options: BenchOptions, rival: FakeConsumer, broker: Broker) {
    this.#options = options;
    this.card = options.card;
    this.rival = rival;
    this.broker = broker;
  }

  static async start(options: BenchOptions): Promise<PresetBench> {
    const rival = await startRival(options);
    return new PresetBench(options, rival, await brokerFor(options, rival));
  }

  /** The server as the status shows it. */
  async state(): Promise<ConsumerStatus> {
    const found = (await this.broker.status()).consumers.find(({ name }) => name === 'server');
    if (found === undefined) throw new Error('the status does not show the server');
    return found;
  }

  /** Resolves when the status shows the server like this. */
  async becomes(wanted: Partial<ConsumerStatus>): Promise<void> {
    let last = '';
    const isSo = async (): Promise<boolean> => {
      const state = await this.state();
      last = JSON.stringify(state);
      const shown = new Map<string, unknown>(Object.entries(state));
      return Object.entries(wanted).every(([key, value]) => shown.get(key) === value);
    };
    await untilAsked(isSo).catch(() => Promise.reject(new Error(`did not become ${JSON.stringify(wanted)}, but ${last}`)));
  }

  /** Resolves when the broker's newest reading shows the card as it is now. What others do it learns only with the next reading. */
  async cardIsRead(): Promise<void> {
    await untilAsked(async () => (await this.broker.status()).gpu.free_mib === this.card.memory.freeMib());
  }

  /** Resolves when the broker has read the card some times more: what it would do at once it has done by then. */
  async cardIsReadAgain(): Promise<void> {
    for (const mib of [1, 2, 3, 4, 5, 6, 0]) {
      this.card.hold('game', mib, 1);
      await this.cardIsRead();
    }
  }

  /** Resolves when the broker knows that the card cannot be read. */
  async cardIsLost(): Promise<void> {
    await untilAsked(async () => (await this.broker.status()).gpu.err !== undefined);
  }

  /** Asks the server through the broker. */
  ask(body: unknown, headers: RequestOptions['headers'] = {}): OpenRequest {
    return openRequest({ url: this.facade, method: 'POST', body, headers });
  }

  /** Asks the rival: 200, or 500 when the card has not enough free memory for it. */
  askRival(): OpenRequest {
    const kind = this.#options.kind === 'tts' ? 'image' : 'tts';
    return openRequest({ url: `${this.broker.url}/v1/${kind}`, method: 'POST', body: {} });
  }

  /** The server's address at the broker. */
  get facade(): string {
    return `${this.broker.url}/v1/${this.#options.kind}`;
  }

  /** Its own address. */
  get serverUrl(): string {
    return this.#options.url;
  }

  /** Load or unload by hand. */
  byHand(action: 'load' | 'unload'): Promise<Answer> {
    return request({ url: `${this.broker.url}/v1/consumers/server/${action}`, method: 'POST' });
  }

  /** Times when the server and its rival were at work together. */
  get overlaps(): readonly Overlap[] {
    return readWork(this.card.dir).overlaps;
  }

  /** The card's whole record. */
  get lines(): readonly WorkLine[] {
    return readWork(this.card.dir).lines;
  }

  /** What began on the card, as `server job`, oldest first. */
  get work(): readonly string[] {
    return this.lines.filter(({ event }) => event === 'begin').map(({ server, job }) => `${server} ${job}`);
  }

  /** Work that has begun and not ended. */
  get atWork(): number {
    return this.lines.reduce((sum, { event }) => sum + (event === 'begin' ? 1 : event === 'end' ? -1 : 0), 0);
  }

  /** Ends the broker and starts another one; the server goes on. */
  async restart(): Promise<void> {
    await this.broker.stop();
    await this.rival.listenAgain();
    this.broker = await brokerFor(this.#options, this.rival);
  }

  /** Ends the broker, see there, and then the rival and the card. */
  async stop(): Promise<void> {
    try {
      await this.broker.stop();
    } finally {
      this.card.cleanup();
    }
  }
}

/** A server that loads itself with its first job, if there is room, and can be unloaded. */
async function startRival({ card, rivalMib = RIVAL_MIB }: BenchOptions): Promise<FakeConsumer> {
  const memory = { hold: (mib: number) => card.memory.hold('rival', mib) };
  const rival = await FakeConsumer.start({ loaded: false, loadedMib: rivalMib, memory });
  return rival.on('POST /work', async (exchange) => {
    await exchange.readBody();
    if (!rival.loaded && card.memory.freeMib() < rivalMib) return exchange.json(500, { error: 'CUDA out of memory' });
    const end = workOn(card.memory, 'rival', 'work');
    rival.residency.setLoaded(true);
    end();
    await exchange.json(200, { done: true });
  });
}

/** A broker ends with its card; the card here lives on. */
function brokerFor({ preset, kind, url, card, settings, file, rivalMib = RIVAL_MIB }: BenchOptions, rival: FakeConsumer): Promise<Broker> {
  const routing = { tts: 'rival', stt: 'rival', llm: 'rival', image: 'rival', [kind]: 'server' };
  return startBroker({
    card: { ...card, cleanup: () => undefined },
    consumers: {
      // Only its address stands in for a fake's; the paths are the preset's own.
      server: { fake: rival, settings: { preset, url, paths: {}, ...settings } },
      rival: { fake: rival, settings: { paths: ALL_KINDS, vram_resident_mib: rivalMib, unload: { path: '/unload' } } },
    },
    settings: { routing, ...file },
  });
}
