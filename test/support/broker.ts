import { parseConfig } from '../../lib/config/load.ts';
import { formatProblem } from '../../lib/config/problem.ts';
import type { Config } from '../../lib/config/types.ts';
import { Daemon } from '../../lib/daemon.ts';
import type { DaemonOptions } from '../../lib/daemon.ts';
import { fakeCard } from './fake-card.ts';
import type { FakeCard } from './fake-card.ts';
import { FakeConsumer } from './fake-consumer.ts';
import { LogLines } from '../../lib/events/log-lines.ts';
import { FakeLogger } from './fake-logger.ts';
import { checkHistory } from './history.ts';
import { request } from './http.ts';
import { until } from './until.ts';

/** Settings as in the file; JSON is YAML too. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a test starts. */
export interface BrokerOptions {
  /** By name: a fake consumer, and its settings beside `url`. */
  readonly consumers: Readonly<Record<string, { readonly fake: FakeConsumer; readonly settings?: Settings }>>;
  readonly settings?: Settings;
  /** null: there is no nvidia-smi. Default: a card of 16376 MiB. */
  readonly card?: FakeCard | null;
  /** Default: the system's temporary folder. */
  readonly spoolFolder?: string;
  /** What is served as the newest lines of the log. */
  readonly logLines?: LogLines;
  /** Default: nothing survives the daemon. */
  readonly stateFile?: string;
  /** Socket of the Tailscale daemon. */
  readonly tailscaleSocket?: string;
}

/** A running daemon with its consumers. */
export interface Broker {
  readonly daemon: Daemon;
  readonly url: string;
  readonly port: number;
  readonly logger: FakeLogger;
  readonly card: FakeCard | null;
  status(): Promise<StatusBody>;
  /** Reloads with other settings, as SIGHUP does. */
  reload(options: Pick<BrokerOptions, 'consumers' | 'settings'>): void;
  /** Resolves when so many requests wait, or run. */
  waiting(count: number): Promise<void>;
  running(count: number): Promise<void>;
  /** Ends everything and checks the history: at most one lease, no work without one, everything back at zero. */
  stop(): Promise<void>;
}

/** The parts of the status that tests read. */
export interface StatusBody {
  readonly gpu: { readonly free_mib: number | null; readonly total_mib: number | null; readonly err?: string };
  readonly consumers: readonly ConsumerStatus[];
  readonly summary: Readonly<Record<string, number | null>>;
  readonly scheduler: {
    readonly queue_depth: number;
    readonly in_flight: number;
    readonly total_jobs: number;
    readonly evictions: number;
    readonly oldest_queued?: string;
  };
  readonly config: { readonly reload_error?: string };
  readonly leases: readonly { readonly id: string; readonly consumer: string; readonly running: number; readonly ending: boolean }[];
  readonly paused: { readonly since: string; readonly by: string } | null;
}

export interface ConsumerStatus {
  readonly name: string;
  readonly healthy: boolean | null;
  readonly loaded: boolean | null;
  readonly residency: string;
  readonly residency_source: string;
  readonly gpu_resident_mib: number | null;
  readonly gpu_resident_source: string | null;
  readonly vram_budget_mib: number | null;
  readonly vram_budget_source: string | null;
  readonly vram_warning?: string;
  readonly external_work: boolean;
  readonly running: number;
  readonly waiting: number;
  readonly last_error?: string;
}

/** Fast enough for tests; what a test is about it sets itself. */
const SWIFT: Settings = {
  listen: '127.0.0.1:0',
  gpu: { total_mib: 16376, poll_interval: '50ms' },
  health: { interval: '50ms', timeout: '1s' },
  eviction: { settle_timeout: '1s' },
};

/** Starts a daemon in this process. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const card = options.card === undefined ? fakeCard({ totalMib: 16376 }) : options.card;
  const logger = new FakeLogger();
  const env = card?.env ?? { PATH: '/nowhere' };
  const daemon = new Daemon({ config: configOf(options), configPath: 'test', version: 'test', logger, env, ...given(options) });
  await daemon.start();
  const { url } = daemon;
  const fakes = Object.values(options.consumers).map(({ fake }) => fake);
  return {
    daemon,
    url,
    port: Number(new URL(url).port),
    logger,
    card,
    status: async () => statusIn((await request({ url: `${url}/v1/status` })).body),
    reload: (next) => daemon.reload(configOf(next)),
    waiting: (count) => until(() => daemon.gate.statistics.waiting === count),
    running: (count) => until(() => daemon.gate.statistics.running === count),
    stop: async () => {
      await until(() => isAtRest(daemon));
      await daemon.stop(1000);
      for (const fake of fakes) await fake.stop();
      // A script that was cut ends a few turns later; one that does not end at all is the history's to tell.
      await until(() => fakes.every(({ active }) => active === 0)).catch(() => undefined);
      card?.cleanup();
      checkHistory({ lines: logger.lines, fakes, concurrency: concurrencyOf(options) });
    },
  };
}

function given({ spoolFolder, stateFile, tailscaleSocket, logLines }: BrokerOptions): Pick<DaemonOptions, 'spoolFolder' | 'stateFile' | 'tailscaleSocket' | 'logLines'> {
  const socket = tailscaleSocket === undefined ? {} : { tailscaleSocket };
  return { ...(spoolFolder === undefined ? {} : { spoolFolder }), ...(stateFile === undefined ? {} : { stateFile }), ...(logLines === undefined ? {} : { logLines }), ...socket };
}

/** One fake with a route for each kind that answers at once, unless the test sets others. */
export async function simpleConsumer(options: Parameters<typeof FakeConsumer.start>[0] = {}): Promise<FakeConsumer> {
  const fake = await FakeConsumer.start(options);
  return fake.on('POST /work', async (exchange) => {
    await exchange.readBody();
    await exchange.json(200, { done: true });
  });
}

/** Paths for every kind, all at /work. */
export const ALL_KINDS: Settings = { tts: { path: '/work' }, stt: { path: '/work' }, llm: { path: '/work' }, image: { path: '/work' } };

/** The settings of the file that a test's options stand for. */
export function configOf({ consumers, settings = {} }: Pick<BrokerOptions, 'consumers' | 'settings'>): Config {
  const entries = Object.entries(consumers).map(([name, { fake, settings: own }]) => [name, { url: fake.url, paths: ALL_KINDS, ...own }]);
  const [first] = Object.keys(consumers);
  const routing = { tts: first, stt: first, llm: first, image: first };
  const file = { ...merge(merge(SWIFT, { routing }), settings), consumers: Object.fromEntries(entries) };
  const result = parseConfig(JSON.stringify(file), 'test.yaml', {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

function merge(base: Settings, over: Settings): Settings {
  const merged = Object.entries(over).map(([key, value]) => [key, isObject(base[key]) && isObject(value) ? merge(base[key], value) : value]);
  return { ...base, ...Object.fromEntries(merged) };
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAtRest(daemon: Daemon): boolean {
  const { waiting, running } = daemon.gate.statistics;
  return waiting === 0 && running === 0 && daemon.registry.everyone().every((each) => each.busy === 0 && each.running === 0 && each.waiting === 0);
}

function concurrencyOf({ settings }: BrokerOptions): number {
  const gpu = settings?.['gpu'];
  return isObject(gpu) && typeof gpu['concurrency'] === 'number' ? gpu['concurrency'] : 1;
}

function statusIn(body: string): StatusBody {
  const parsed: unknown = JSON.parse(body);
  if (!isStatus(parsed)) throw new Error(`not a status: ${body.slice(0, 200)}`);
  return parsed;
}

function isStatus(value: unknown): value is StatusBody {
  return isObject(value) && isObject(value['scheduler']) && Array.isArray(value['consumers']);
}
