import { isObject } from '../../lib/demo/servers/http.ts';
import type { DemoServer, DemoServerOptions } from '../../lib/demo/servers/http.ts';
import { createComfyui } from '../../lib/demo/servers/comfyui.ts';
import { createLlamaServer } from '../../lib/demo/servers/llama-server.ts';
import { createMvoice } from '../../lib/demo/servers/mvoice.ts';
import { createOllama } from '../../lib/demo/servers/ollama.ts';
import { createWhisper } from '../../lib/demo/servers/whisper.ts';
import { readWork } from '../../lib/demo/servers/work-record.ts';
import { demoConfig } from '../../lib/demo/demo-config.ts';
import { Fleet } from '../../lib/demo/fleet.ts';
import type { ServerName } from '../../lib/demo/fleet.ts';
import { startBroker } from './broker.ts';
import type { Broker, BrokerOptions, Settings } from './broker.ts';
import { sharedCard, startDemo } from './demo-server.ts';
import type { RunningDemo } from './demo-server.ts';
import type { FakeCard } from './fake-card.ts';
import { FakeConsumer } from './fake-consumer.ts';
import type { LogLine } from './fake-logger.ts';
import { request } from './http.ts';
import type { RealLlama } from './real-llama.ts';
import { until, untilAsked } from './until.ts';

/** The demo's model, at Ollama. */
export const MODEL = 'llama3.2:3b';
/** The model of the llama-server that stands beside the demo's four. */
export const LLAMA_MODEL = 'llama-3.2-3b';

/** All of them fit: whom the memory is taken from is the business of other tests. */
const CARD_MIB = 32_768;
const LLAMA_MIB = 3600;

type Name = ServerName | 'llama';

/** Simulated servers in this process. */
const CREATE: Readonly<Record<Name, (options: DemoServerOptions) => DemoServer>> = {
  mvoice: createMvoice,
  whisper: createWhisper,
  ollama: createOllama,
  comfyui: createComfyui,
  llama: (options) => createLlamaServer({ ...options, quirks: { reranking: true, loads_after_bind: false, late_cancel: false } }),
};

/** What a test changes of the demo's configuration. */
export interface BenchOptions {
  /** Of the whole file. */
  readonly file?: Settings;
  /** Of a consumer, by its name. */
  readonly consumers?: Readonly<Record<string, Settings>>;
}

/**
 * What existing clients meet: a broker with the demo's configuration and a llama-server more, before simulated servers on one
 * card. No time passes at them unless it is held.
 */
export class ClientBench {
  readonly broker: Broker;
  readonly servers: Readonly<Record<Name, RunningDemo>>;
  readonly #card: FakeCard;

  private constructor(broker: Broker, servers: Readonly<Record<Name, RunningDemo>>, card: FakeCard) {
    this.broker = broker;
    this.servers = servers;
    this.#card = card;
  }

  static async start(options: BenchOptions = {}): Promise<ClientBench> {
    const card = sharedCard(CARD_MIB);
    const start = (name: Name): Promise<RunningDemo> => startDemo(CREATE[name], card);
    const servers = {
      mvoice: await start('mvoice'),
      whisper: await start('whisper'),
      ollama: await start('ollama'),
      comfyui: await start('comfyui'),
      llama: await start('llama'),
    };
    const bench = new ClientBench(await brokerFor(servers, card, options), servers, card);
    await untilAsked(async () => (await bench.broker.status()).consumers.every(({ healthy }) => healthy === true));
    return bench;
  }

  get url(): string {
    return this.broker.url;
  }

  /** Without `http://`, as some clients want it. */
  get host(): string {
    return new URL(this.url).host;
  }

  /** The address of a consumer's own port. */
  async ownUrl(consumer: string): Promise<string> {
    const status: { consumers: { name: string; listen?: string }[] } = JSON.parse((await request({ url: `${this.url}/v1/status` })).body);
    return `http://${status.consumers.find(({ name }) => name === consumer)?.listen}`;
  }

  /** Somebody else has the card until what this resolves with is called. */
  async occupy(): Promise<() => Promise<void>> {
    const { id } = JSON.parse((await request({ url: `${this.url}/v1/leases`, method: 'POST', body: { kind: 'tts' } })).body);
    return async () => {
      await request({ url: `${this.url}/v1/leases/${id}`, method: 'DELETE' });
    };
  }

  /** What began on the card, as `server job`, oldest first. What was loaded at the start is not among it. */
  get work(): readonly string[] {
    return readWork(this.#card.dir).lines.filter(({ event, job }) => event === 'begin' && job !== 'load').map(({ server, job }) => `${server} ${job}`);
  }

  /** Work, loads among it, that has begun and not ended. */
  get atWork(): number {
    return readWork(this.#card.dir).lines.reduce((sum, { event }) => sum + (event === 'begin' ? 1 : event === 'end' ? -1 : 0), 0);
  }

  /** The lines of the access log for a path, oldest first: one for each time it was asked. */
  asked(path: string): readonly LogLine['fields'][] {
    return this.broker.logger.lines.filter(({ message, fields }) => message === 'exchange' && fields?.['path'] === path).map(({ fields }) => fields);
  }

  /** Resolves when a request for a path has had this answer; 'left': its client did not wait for it. */
  async answered(path: string, with_: string): Promise<void> {
    await until(() => this.asked(path).some((fields) => fields?.['error'] === with_ || (with_ === 'left' && fields?.['cut'] === 'client left')));
  }

  /** Ends everything; see `Broker.stop`. Two servers must never have been at work together. */
  async stop(): Promise<void> {
    for (const { time } of Object.values(this.servers)) time.go();
    try {
      await this.broker.stop();
      const [overlap] = readWork(this.#card.dir).overlaps.filter(({ second }) => second.job !== 'load');
      if (overlap !== undefined) throw new Error(`${overlap.second.server} ${overlap.second.job} began during ${overlap.first.server} ${overlap.first.job}`);
    } finally {
      for (const server of Object.values(this.servers)) await server.stop();
      this.#card.cleanup();
    }
  }
}

/** A broker ends with its card; the servers end after it. */
async function brokerFor(servers: Readonly<Record<Name, RunningDemo>>, card: FakeCard, { file = {}, consumers = {} }: BenchOptions): Promise<Broker> {
  const { models, routing, access, audio_proxy, consumers: demos } = demoSettings(servers, card);
  const llama = { preset: 'llama.cpp', url: servers.llama.url, vram_resident_mib: LLAMA_MIB };
  const fake = await FakeConsumer.start();
  // The fake lends its place in the list only; the paths are the preset's own.
  const entry = ([name, own]: readonly [string, Settings]) => [name, { fake, settings: { paths: {}, ...own, ...consumers[name] } }] as const;
  const more = { [LLAMA_MODEL]: { consumer: 'llama', aliases: ['claude-*', 'rerank-1'] } };
  return startBroker({
    card: { ...card, cleanup: () => undefined },
    consumers: Object.fromEntries([...Object.entries(settingsIn(demos)), ['llama', llama] as const].map(entry)),
    settings: { routing, access, audio_proxy, gpu: { total_mib: CARD_MIB }, ...file, models: { ...settingsIn(models), ...more, ...settingsIn(file['models']) } },
  });
}

/** The demo's own configuration, at these servers. */
function demoSettings(servers: Readonly<Record<ServerName, RunningDemo>>, card: FakeCard): Settings {
  class Here extends Fleet {
    override url(name: ServerName): string {
      return servers[name].url;
    }
  }
  // Its unit is never asked: all servers fit.
  return settingsIn(demoConfig({ listen: '127.0.0.1:0', fleet: new Here(card.dir), stateFile: 'unused', unit: { command: ['false'], socket: 'unused' }, adminKey: 'unused' }));
}

function settingsIn(value: unknown = {}): Readonly<Record<string, Settings>> {
  if (!isSettings(value)) throw new Error(`expected settings, got ${JSON.stringify(value)}`);
  return value;
}

function isSettings(value: unknown): value is Record<string, Settings> {
  return isObject(value);
}

/** A daemon whose one consumer is the real model, under every name that begins with `stories`. */
export async function realModelBroker(llama: RealLlama, settings: BrokerOptions['settings'] = {}): Promise<Broker> {
  const gated = ['POST /v1/chat/completions', 'POST /v1/completions'];
  const own = { url: llama.url, paths: {}, gpu_paths: gated, busy: { path: '/slots', pointer: '/0/is_processing' }, client_gone: 'close' };
  const models = { 'stories*': { consumer: 'llama' } };
  return startBroker({ consumers: { llama: { fake: await FakeConsumer.start(), settings: own } }, settings: { models, ...settings } });
}
