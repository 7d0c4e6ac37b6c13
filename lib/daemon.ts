import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/types.ts';
import { planFor } from './core/plan.ts';
import type { Sample } from './core/model.ts';
import type { StatusFacts } from './core/status.ts';
import { BusyPoll } from './consumers/completion.ts';
import type { ConsumerState } from './consumers/consumer-state.ts';
import { HookRunner } from './consumers/hook-runner.ts';
import { Prober } from './consumers/prober.ts';
import { Registry } from './consumers/registry.ts';
import { acquireCardLock } from './gpu/card-lock.ts';
import type { CardLock } from './gpu/card-lock.ts';
import { Gate } from './gpu/gate.ts';
import { NvidiaSmi } from './gpu/nvidia-smi.ts';
import { Attributor } from './gpu/processes.ts';
import { Sampler } from './gpu/sampler.ts';
import { createHttpServer } from './http-server.ts';
import type { Logger } from './logger.ts';
import { AccessRules } from './middlewares/access-rules.ts';
import { Proxy } from './middlewares/proxy.ts';
import { SpoolBudget } from './middlewares/spool.ts';
import { Retirement } from './retirement.ts';
import { createApp } from './server.ts';

/** What a daemon is made from. */
export interface DaemonOptions {
  readonly config: Config;
  /** For messages. */
  readonly configPath: string;
  readonly version: string;
  readonly logger: Logger;
  /** HOST:PORT instead of the configuration's. */
  readonly listen?: string | undefined;
  /** Environment in which nvidia-smi is looked for. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

/** The daemon cannot start because somebody else has what it needs: the port or the card. */
export class StartError extends Error {}

/** Builds everything, and starts and stops it. */
export class Daemon {
  readonly registry: Registry;
  readonly gate: Gate;
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #sampler: Sampler;
  readonly #prober: Prober;
  readonly #completion: BusyPoll;
  readonly #retirement: Retirement;
  readonly #proxy: Proxy;
  readonly #server: Server;
  readonly #exchanges = new Set<object>();
  #config: Config;
  #accessRules: AccessRules;
  #lock: CardLock | null = null;
  #isDraining = false;
  #reloadError: string | null = null;

  constructor(options: DaemonOptions) {
    const { config, logger, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#config = config;
    this.#accessRules = new AccessRules(config.access);
    this.registry = new Registry({ clock, logger });
    const { registry } = this;
    const attributor = new Attributor(clock);
    const places = () => registry.everyone().map(({ name, config: { url, systemd_unit } }) => ({ name, url, systemd_unit }));
    const reader = new NvidiaSmi({
      device: config.gpu.device,
      clock,
      attribute: (use) => attributor.attribution(places(), use),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    this.#sampler = new Sampler({ reader, clock, logger, pollInterval: () => this.#config.gpu.poll_interval });
    this.#prober = new Prober({ registry, clock }, config.health);
    this.#completion = new BusyPoll({ clock, logger });
    const hooks = new HookRunner({ registry, prober: this.#prober, clock });
    this.gate = new Gate({ clock, logger, consumers: registry, hooks, samples: this.#sampler, completion: this.#completion }, config);
    this.#retirement = new Retirement({ registry, gate: this.gate, logger });
    this.#proxy = new Proxy({ clock, logger });
    this.#server = createHttpServer(createApp(this.#services()), () => this.#accessRules);
  }

  /**
   * Starts everything. Resolves when it listens.
   * @throws StartError if the port is taken or another daemon manages the card.
   */
  async start(): Promise<void> {
    const { registry, gate } = this;
    this.#sampler.onSample((sample) => registry.sampled(sample));
    registry.reconfigure(this.#config);
    registry.onChange(() => {
      gate.changed();
      this.#retirement.look();
    });
    this.#sampler.start();
    await this.#sampler.first();
    try {
      await this.#lockCard();
      await this.#listen();
    } catch (error) {
      await this.#release();
      throw error;
    }
    this.#prober.watch(registry.everyone(), this.#config.health);
    gate.open();
  }

  /** Where it listens; only after `start()`. */
  get url(): string {
    const { address, port, family } = this.#address();
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Takes a new configuration. Requests that wait or run finish on the one they began with. */
  reload(config: Config): void {
    const { logger } = this.#options;
    this.#reloadError = null;
    for (const [key, before, after] of restartKeys(this.#config, config)) {
      if (before !== after) logger.warn('this setting needs a restart to take effect', { key, running: before, configured: after });
    }
    this.#config = config;
    this.#accessRules = new AccessRules(config.access);
    this.#retirement.add(this.registry.reconfigure(config), config);
    this.#prober.watch(this.registry.everyone(), config.health);
    this.#proxy.retain(new Set(this.registry.everyone().map((consumer) => consumer.config.url)));
    this.gate.reconfigure(config);
    logger.info('configuration reloaded', { consumers: config.consumers.size });
  }

  /** Notes that a new configuration was bad; the status shows it until a good one comes. */
  reloadFailed(problem: string): void {
    this.#reloadError = problem;
    this.#options.logger.error('configuration not reloaded: it is not valid', { problem });
  }

  /** Refuses new work, lets running work finish for up to `graceMs`, then cuts it, and ends everything. The port stays open meanwhile. */
  async stop(graceMs: number): Promise<void> {
    this.#isDraining = true;
    this.gate.drain();
    const isDrained = await this.#drained(graceMs);
    if (!isDrained) this.#options.logger.warn('running work is cut', { exchanges: this.#exchanges.size, ...this.gate.statistics });
    await this.#release();
  }

  async #drained(graceMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, graceMs, false);
    });
    const done = this.gate.whenIdle().then(() => this.#noExchanges()).then(() => true);
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  }

  async #noExchanges(): Promise<void> {
    while (this.#exchanges.size > 0) await once(this.#server, EXCHANGE_ENDED);
  }

  async #release(): Promise<void> {
    this.#prober.stop();
    this.#completion.stop();
    this.#server.close();
    this.#server.closeAllConnections();
    this.#proxy.retain(new Set());
    await this.#sampler.stop();
    if (this.#lock?.ok === true) await this.#lock.release();
  }

  async #lockCard(): Promise<void> {
    const uuid = this.#sampler.lastSample()?.uuid ?? null;
    const { logger, configPath } = this.#options;
    if (uuid === null) {
      logger.warn('the card cannot be read, so nothing keeps a second daemon from managing it too');
      return;
    }
    this.#lock = await acquireCardLock(uuid, { pid: process.pid, listen: null, config: configPath });
    if (this.#lock.ok) return;
    const { holder } = this.#lock;
    const who = holder === null ? 'another daemon' : `the daemon with pid ${holder.pid}, which listens on ${holder.listen ?? '(nothing yet)'} (${holder.config})`;
    throw new StartError(`the card ${uuid} is already managed by ${who}`);
  }

  async #listen(): Promise<void> {
    const { host, port } = hostAndPort(this.#options.listen ?? this.#config.listen);
    this.#server.on('request', (_req, res) => {
      this.#exchanges.add(res);
      res.once('close', () => {
        this.#exchanges.delete(res);
        if (this.#exchanges.size === 0) this.#server.emit(EXCHANGE_ENDED);
      });
    });
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw new StartError(`${host}:${port} is taken by another program`);
      if (error instanceof Error && 'code' in error) throw new StartError(`cannot listen on ${host}:${port} (${String(error.code)})`);
      throw error;
    }
    if (this.#lock?.ok === true) this.#lock.update({ pid: process.pid, listen: this.url, config: this.#options.configPath });
  }

  #address(): AddressInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the daemon does not listen');
    return address;
  }

  #services() {
    const { registry, gate } = this;
    return {
      clock: this.#clock,
      logger: this.#options.logger,
      proxy: this.#proxy,
      budget: new SpoolBudget(),
      config: () => this.#config,
      accessRules: () => this.#accessRules,
      isDraining: () => this.#isDraining,
      consumer: (name: string) => registry.current(name),
      acquire: gate.acquire.bind(gate),
      leave: gate.leave.bind(gate),
      refuseIfFull: gate.refuseIfFull.bind(gate),
      plan: (name: string) => planFor(name, registry.snapshot(this.#config, this.#currentSample())),
      readiness: () => ({
        isDraining: this.#isDraining,
        consumers: registry.all().map((consumer) => ({ name: consumer.name, isProbed: consumer.lastProbeAt !== null })),
      }),
      status: () => this.#status(),
    };
  }

  #currentSample(): Sample | null {
    const reading = this.#sampler.latest();
    return reading?.ok === true ? reading.sample : null;
  }

  #status(): StatusFacts {
    return {
      now: this.#clock.wall(),
      version: this.#options.version,
      listen: this.url.slice('http://'.length),
      config: this.#config,
      configPath: this.#options.configPath,
      reloadError: this.#reloadError,
      reading: this.#sampler.latest(),
      consumers: this.registry.everyone().map((consumer) => this.#facts(consumer)),
      scheduler: this.gate.statistics,
      isDraining: this.#isDraining,
    };
  }

  #facts(consumer: ConsumerState) {
    const { config } = consumer;
    return {
      name: consumer.name,
      url: config.url,
      health: consumer.health,
      residency: consumer.residency,
      usedMib: this.registry.usedMib(consumer),
      footprintMib: config.vram_resident_mib ?? null,
      running: consumer.running,
      waiting: consumer.waiting,
      totalRequests: consumer.totalRequests,
      lastUsed: consumer.lastUsedWall,
      lastProbe: consumer.lastProbeAt,
      lastError: consumer.lastError,
      priority: config.priority,
      coexistsWith: config.can_coexist_with,
    };
  }
}

const EXCHANGE_ENDED = 'mgpumanager:no-exchanges';

/** Settings that only a restart can change, with their values before and after. */
function restartKeys(before: Config, after: Config): readonly (readonly [string, unknown, unknown])[] {
  return [
    ['listen', before.listen, after.listen],
    ['gpu.device', before.gpu.device, after.gpu.device],
  ];
}

/** Splits HOST:PORT; the schema has checked its form. */
export function hostAndPort(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}
