import type { Env } from '../config/env.ts';
import type { Kind } from '../config/types.ts';
import { endProcess } from './end-process.ts';
import { configPath, daemonAddress, durationOption, leaseSubject, listenAddress, UsageError, type AddressFlags } from './settings.ts';
import { setupActions, type SetupActions } from './setup-actions.ts';
import type { Terminal } from './terminal.ts';
import { watchActions, type WatchActions } from './watch-actions.ts';

/** Options as they stand on the command line. */
export interface Flags extends AddressFlags {
  readonly config?: string;
  readonly listen?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly kind?: Kind;
  readonly consumer?: string;
  readonly all?: boolean;
  readonly unload?: boolean;
  readonly ttl?: string;
  readonly wait?: string;
}

/** What each command does. */
export interface Actions extends WatchActions, SetupActions {
  serve(flags: Flags): Promise<void>;
  check(flags: Flags): Promise<void>;
  presets(name: string | undefined, flags: Flags): Promise<void>;
  demo(flags: Flags): Promise<void>;
  status(flags: Flags): Promise<void>;
  plan(flags: Flags): Promise<void>;
  load(name: string, flags: Flags): Promise<void>;
  unload(name: string | undefined, flags: Flags): Promise<void>;
  pause(flags: Flags): Promise<void>;
  resume(flags: Flags): Promise<void>;
  /** `words`: all that is no option, on both sides of `--`. */
  withLease(words: readonly string[], flags: Flags): Promise<void>;
}

/** What the actions work with. `done` takes the exit code. */
export interface ActionContext {
  readonly terminal: Terminal;
  readonly env: Env;
  /** The words of the command line behind `--`. */
  readonly behindDashes: readonly string[];
  readonly done: (code: number) => void;
}

/** Life of a lease that is not renewed, unless the command line says otherwise. */
const DEFAULT_TTL = '60s';

/** The real actions. Each imports what it needs when it is to run: a command starts fast, and the daemon holds no commands in memory. */
export function runningActions({ terminal, env, behindDashes, done }: ActionContext): Actions {
  const daemonOf = (flags: Flags) => daemonAddress(flags, env);
  return {
    ...watchActions({ terminal, env, done }),
    ...setupActions({ terminal, env, done }),
    serve: async ({ config, listen }) => {
      const options = { config: configPath(config, env), ...listenOption(listen) };
      const { serve } = await import('./serve.ts');
      endProcess(await serve(options));
    },
    demo: async ({ listen }) => {
      const options = listenOption(listen);
      const { demo } = await import('./demo.ts');
      done(await demo(options));
    },
    check: async ({ config, json = false }) => {
      const { check } = await import('./check.ts');
      done(check({ config: configPath(config, env), json, env }, terminal));
    },
    presets: async (name, { json = false }) => {
      const { presets } = await import('./presets.ts');
      done(presets({ name, json }, terminal));
    },
    status: async (flags) => {
      const { status } = await import('./status.ts');
      done(await status({ ...daemonOf(flags), json: flags.json ?? false, watch: flags.watch ?? false }, terminal));
    },
    plan: async (flags) => {
      const { plan } = await import('./plan.ts');
      done(await plan({ ...daemonOf(flags), json: flags.json ?? false, ...subjectOf(flags) }, terminal));
    },
    load: async (name, flags) => {
      const { changeResidency } = await import('./residency.ts');
      done(await changeResidency('load', { ...daemonOf(flags), name }, terminal));
    },
    unload: async (name, flags) => {
      if ((flags.all ?? false) === (name !== undefined)) throw new UsageError('expected either the name of a consumer or --all');
      const { changeResidency, unloadAll } = await import('./residency.ts');
      const daemon = daemonOf(flags);
      done(name === undefined ? await unloadAll(daemon, terminal) : await changeResidency('unload', { ...daemon, name }, terminal));
    },
    pause: async (flags) => {
      const { pause } = await import('./pause.ts');
      done(await pause({ ...daemonOf(flags), unload: flags.unload ?? false, json: flags.json ?? false }, terminal));
    },
    resume: async (flags) => {
      const { resume } = await import('./pause.ts');
      done(await resume({ ...daemonOf(flags), json: flags.json ?? false }, terminal));
    },
    withLease: async (words, flags) => {
      const { consumer, ttl = DEFAULT_TTL, wait } = flags;
      const subject = leaseSubject({ before: words.slice(0, words.length - behindDashes.length), behind: behindDashes }, consumer);
      const times = { ttlMs: durationOption('--ttl', ttl), waitMs: wait === undefined ? null : durationOption('--wait', wait, 'duration_or_zero') };
      const { withLease } = await import('./with-lease.ts');
      done(await withLease({ ...daemonOf(flags), ...subject, ...times, env }, terminal));
    },
  };
}

function listenOption(listen: string | undefined): { listen?: string } {
  return listen === undefined ? {} : { listen: listenAddress(listen) };
}

function subjectOf({ kind, consumer }: Flags): { by: 'kind' | 'consumer'; name: string } {
  if (kind !== undefined) return { by: 'kind', name: kind };
  if (consumer !== undefined) return { by: 'consumer', name: consumer };
  throw new UsageError('expected either --kind or --consumer');
}
