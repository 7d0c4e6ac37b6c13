import type { Server } from 'node:http';
import { tellReadings } from './card-events.ts';
import { CardGuard } from './card-guard.ts';
import { cardReader } from './card-reader.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/types.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { CompletionWatch } from './consumers/completion.ts';
import { HookRunner } from './consumers/hook-runner.ts';
import { Prober } from './consumers/prober.ts';
import { question } from './consumers/question.ts';
import { Registry } from './consumers/registry.ts';
import type { Pause } from './core/gating.ts';
import { planFor } from './core/plan.ts';
import type { Plan } from './core/plan.ts';
import type { StatusFacts } from './core/status.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { EventLog } from './events/event-log.ts';
import { LogLines } from './events/log-lines.ts';
import { Watchers } from './events/watchers.ts';
import { EventLoopWatch } from './event-loop.ts';
import { Gate } from './gpu/gate.ts';
import { HandLeases } from './gpu/hand-leases.ts';
import { Sampler } from './gpu/sampler.ts';
import { historyIn } from './history-in.ts';
import type { History } from './history/history.ts';
import { Housekeeping } from './housekeeping.ts';
import { createHttpServer } from './http-server.ts';
import { Insight } from './insight.ts';
import { listenOn } from './listen.ts';
import { Memory } from './memory.ts';
import { AccessRules } from './middlewares/access-rules.ts';
import { Proxy } from './middlewares/proxy.ts';
import { TailscaleWhois } from './middlewares/tailscale-whois.ts';
import { Spool } from './middlewares/spool.ts';
import { OpenExchanges } from './open-exchanges.ts';
import { OwnPorts } from './own-ports.ts';
import { isAccessChanged, warnOfRestart } from './restart-settings.ts';
import { Retirement } from './retirement.ts';
import { createApp } from './server.ts';
import { StateFile } from './state-file.ts';
import { consumerFacts, processFacts } from './status-facts.ts';
import { isWithin } from './within.ts';

export type { DaemonOptions } from './daemon-options.ts';

/** Builds everything, and starts and stops it. */
export class Daemon {
  readonly registry: Registry;
  readonly gate: Gate;
  /** What has happened lately. */
  readonly events = new EventLog(systemClock);
  readonly #options: DaemonOptions;
  readonly #clock: Clock = systemClock;
  readonly #sampler: Sampler;
  readonly #guard: CardGuard;
  readonly #prober: Prober;
  readonly #completion: CompletionWatch;
  readonly #retirement: Retirement;
  readonly #leases: HandLeases;
  readonly #memory: Memory;
  readonly #history: History;
  readonly #housekeeping: Housekeeping;
  readonly #insight: Insight;
  readonly #proxy: Proxy;
  readonly #server: Server;
  readonly #ownPorts: OwnPorts;
  readonly #exchanges = new OpenExchanges();
  readonly #watchers: Watchers;
  readonly #connections = new ConnectionLimits(() => this.#config.limits, (socket) => this.#accessRules.admits(socket));
  readonly #loop = new EventLoopWatch();
  readonly #spool: Spool;
  readonly #whois: TailscaleWhois;
  #config: Config;
  readonly #startedAt: Date;
  #accessRules: AccessRules;
  #url: string | null = null;
  #isDraining = false;
  #isOpen = false;
  #isReleased = false;
  #reloadError: string | null = null;

  constructor(options: DaemonOptions) {
    const { config, logger } = options;
    const clock = this.#clock;
    const { events } = this;
    this.#options = options;
    this.#config = config;
    this.#startedAt = clock.wall();
    this.#accessRules = new AccessRules(config.access);
    const registry = (this.registry = new Registry({ clock, logger, events }));
    const reader = cardReader({ device: config.gpu.device, env: options.env }, { clock, registry });
    this.#sampler = new Sampler({ reader, clock, logger, pollInterval: () => this.#config.gpu.poll_interval });
    this.#guard = new CardGuard(options);
    this.#spool = new Spool(options.spoolFolder);
    this.#whois = new TailscaleWhois({ clock, logger, socketPath: options.tailscaleSocket });
    const prober = (this.#prober = new Prober({ registry, clock }, config.health));
    const completion = (this.#completion = new CompletionWatch({ clock, logger }));
    const reports = { config: () => this.#config, status: () => this.#status(), watchers: () => this.#watchers };
    const insight = (this.#insight = new Insight({ ...options, clock, env: options.env ?? process.env, events: this.events, ...reports }));
    const hooks = new HookRunner({ registry, prober, clock });
    const gateServices = { clock, logger, consumers: registry, hooks, samples: this.#sampler, completion, events, ran: insight.ran };
    this.gate = new Gate(gateServices, config);
    this.#leases = new HandLeases({ clock, logger, completion });
    this.#memory = new Memory(options.stateFile === undefined ? null : new StateFile(options.stateFile, logger), registry);
    this.#housekeeping = new Housekeeping({ clock, logger, registry, acquire: this.gate.acquire.bind(this.gate), plan: (name) => this.#plan(name), config: () => this.#config });
    this.#retirement = new Retirement({ registry, gate: this.gate, logger, onForgotten: () => this.#watchConsumers() });
    this.#proxy = new Proxy({ clock, logger, cancel: (consumer) => void completion.cancel(consumer) });
    this.#watchers = new Watchers({ log: events, logger, onOpen: (res) => this.#exchanges.disregard(res) });
    this.#history = historyIn(options, events);
    const app = createApp(this.#services());
    const serverServices = { logger, connections: this.#connections, accessRules: () => this.#accessRules };
    const createServer = (ownPortOf: string | null): Server => this.#exchanges.watch(createHttpServer(app, serverServices, ownPortOf));
    this.#server = createServer(null);
    this.#ownPorts = new OwnPorts({ logger, createServer });
  }

  /**
   * Starts everything. Resolves when it listens.
   * @throws StartError if the port is taken or another daemon manages the card.
   */
  async start(): Promise<void> {
    const { registry, gate } = this;
    this.#sampler.onSample((sample) => {
      registry.sampled(sample);
      this.#guard.sampled(sample.uuid);
      this.#memory.sampled();
    });
    tellReadings({ sampler: this.#sampler, registry, clock: this.#clock, events: this.events });
    registry.reconfigure(this.#config);
    const paused = this.#memory.load();
    if (paused !== null) gate.pause(paused);
    this.#memory.recall();
    registry.onChange(() => {
      this.#openIfSeen();
      gate.changed();
      this.#retirement.look();
    });
    this.#loop.start();
    await this.#insight.start();
    this.#sampler.start();
    await this.#sampler.first();
    try {
      await this.#guard.lock(this.#sampler.lastSample()?.uuid ?? null);
      this.#url = await listenOn(this.#server, this.#options.listen ?? this.#config.listen);
      await this.#ownPorts.start(this.#config);
    } catch (error) {
      await this.#release();
      throw error;
    }
    this.#guard.listening(this.#url);
    this.#history.reconfigure(this.#config);
    this.#watchConsumers();
    this.#openIfSeen();
  }

  /** Opens the gate once every consumer has been looked at: an eviction is planned with all of them. */
  #openIfSeen(): void {
    if (this.#isOpen || this.#url === null || !this.registry.all().every((consumer) => consumer.firstProbeSettled)) return;
    this.#isOpen = true;
    this.gate.open();
    this.#housekeeping.start();
  }

  /** Where it listens; only after `start()`. */
  get url(): string {
    if (this.#url === null) throw new Error('the daemon does not listen');
    return this.#url;
  }

  /** Connections of clients that are open. */
  get connections(): number {
    return this.#connections.count;
  }

  /** Bytes of request bodies that wait on disk. */
  get spooledBytes(): number {
    return this.#spool.used;
  }

  /** Takes a new configuration. Requests that wait or run finish on the one they began with. */
  reload(config: Config): void {
    const { logger } = this.#options;
    this.#reloadError = null;
    warnOfRestart(this.#config, config, logger);
    if (isAccessChanged(this.#config, config)) for (const told of [this.#watchers, this.#options.logLines]) told?.dismiss();
    this.#config = config;
    this.#accessRules = new AccessRules(config.access);
    this.#retirement.add(this.registry.reconfigure(config), config);
    this.#memory.recall();
    this.#watchConsumers();
    this.gate.reconfigure(config);
    void this.#ownPorts.reload(config);
    this.#history.reconfigure(config);
    logger.info('configuration reloaded', { consumers: config.consumers.size });
    this.events.note({ type: 'config', result: 'reloaded', problem: null });
  }

  /** Notes that a new configuration was bad; the status shows it until a good one comes. */
  reloadFailed(problem: string): void {
    this.#reloadError = problem;
    this.#options.logger.error('configuration not reloaded: it is not valid', { problem });
    this.events.note({ type: 'config', result: 'refused', problem });
  }

  /** Refuses new work, lets running work finish for up to `graceMs`, then cuts it, and ends everything. The port stays open meanwhile. */
  async stop(graceMs: number): Promise<void> {
    this.#isDraining = true;
    this.gate.drain();
    this.#options.logLines?.close();
    this.#leases.endAll();
    if (!(await isWithin(graceMs, this.gate.whenIdle().then(() => this.#exchanges.none())))) {
      this.#options.logger.warn('running work is cut', { exchanges: this.#exchanges.count, leases: this.gate.statistics.running });
    }
    await this.#release();
  }

  async #release(): Promise<void> {
    this.#isReleased = true;
    this.#loop.stop();
    this.#housekeeping.stop();
    this.#prober.stop();
    this.#completion.stop();
    await this.#watchers.close();
    this.#server.close();
    this.#server.closeAllConnections();
    this.#ownPorts.close();
    this.#proxy.close();
    await Promise.all([this.#sampler.stop(), this.#insight.stop()]);
    await this.#guard.release();
    await Promise.all([this.#memory.flush(), this.#history.stop()]);
  }

  /** Probes and connects to the consumers that there are, and to no others. */
  #watchConsumers(): void {
    if (this.#isReleased) return;
    const consumers = this.registry.everyone();
    this.#prober.watch(consumers, this.#config.health);
    this.#proxy.retain(new Set(consumers.map((consumer) => consumer.config.url)));
  }

  /** What the stages and our own routes get to see of the daemon. */
  #services() {
    const { registry, gate } = this;
    return {
      clock: this.#clock,
      logger: this.#options.logger,
      proxy: this.#proxy,
      question,
      spool: this.#spool,
      events: this.events,
      watchers: this.#watchers,
      logLines: this.#options.logLines ?? new LogLines(),
      history: this.#history,
      config: () => this.#config,
      startedAt: () => this.#startedAt,
      accessRules: () => this.#accessRules,
      loginOf: this.#whois.loginOf.bind(this.#whois),
      isDraining: () => this.#isDraining,
      consumer: (name: string) => registry.current(name),
      acquire: gate.acquire.bind(gate),
      leave: gate.leave.bind(gate),
      outlook: gate.queue.outlook.bind(gate.queue),
      queue: gate.queue,
      refuseIfFull: gate.refuseIfFull.bind(gate),
      refuseIfPaused: gate.refuseIfPaused.bind(gate),
      leases: this.#leases,
      enterLease: this.#leases.enter.bind(this.#leases),
      pause: (by: string) => this.#pause(by),
      resume: () => this.#resume(),
      plan: (name: string) => this.#plan(name),
      readiness: () => ({
        isDraining: this.#isDraining,
        consumers: registry.all().map((consumer) => ({ name: consumer.name, isProbed: consumer.lastProbeAt !== null })),
      }),
      status: () => this.#status(),
      ...this.#insight.services,
    };
  }

  async #plan(name: string): Promise<Plan | null> {
    const sample = await this.#sampler.fresh(this.registry.lastActionAt());
    // A reload may have taken it out meanwhile.
    return this.registry.current(name) === null ? null : planFor(name, this.registry.snapshot(this.#config, sample));
  }

  /** Also after a restart: whoever plays does not want it to end because the daemon was updated. */
  #pause(by: string): Pause {
    const paused = this.gate.pause({ since: this.#clock.wall(), by });
    this.#memory.paused(paused);
    return paused;
  }

  #resume(): Pause | null {
    this.#memory.paused(null);
    return this.gate.resume();
  }

  #status(): StatusFacts {
    return {
      now: this.#clock.wall(),
      version: this.#options.version,
      startedAt: this.#startedAt,
      listen: this.url.slice('http://'.length),
      config: this.#config,
      configPath: this.#options.configPath,
      reloadError: this.#reloadError,
      reading: this.#sampler.latest(),
      consumers: consumerFacts(this.registry, this.#ownPorts),
      scheduler: this.gate.statistics,
      leases: this.#leases.list(),
      paused: this.gate.paused,
      history: this.#history.facts,
      process: processFacts(this.#loop, this.#connections),
      isDraining: this.#isDraining,
    };
  }
}
