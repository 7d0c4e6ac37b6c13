import type { Env } from '../config/env.ts';
import { LOG_LEVELS } from '../core/log-lines.ts';
import { daemonAddress, UsageError, type AddressFlags } from './settings.ts';
import type { Terminal } from './terminal.ts';

/** Options as they stand on the command line. */
export interface WatchFlags extends AddressFlags {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly types?: string;
  readonly grep?: string;
  readonly level?: string;
  readonly lines?: string;
  readonly ascii?: boolean;
  readonly once?: boolean;
}

/** Those of `history`; all but the first are parameters of the route. */
export interface HistoryFlags extends AddressFlags {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly what?: string;
  readonly since?: string;
  readonly until?: string;
  readonly consumer?: string;
  readonly kind?: string;
  readonly code?: string;
  readonly status?: string;
  readonly client?: string;
  readonly limit?: string;
  readonly before?: string;
}

/** What the commands do that look at a daemon. */
export interface WatchActions {
  queue(flags: WatchFlags): Promise<void>;
  cancel(ids: readonly string[], flags: WatchFlags): Promise<void>;
  events(flags: WatchFlags): Promise<void>;
  logs(flags: WatchFlags): Promise<void>;
  history(flags: HistoryFlags): Promise<void>;
  top(flags: WatchFlags): Promise<void>;
}

/** What they work with. `done` takes the exit code. */
export interface WatchContext {
  readonly terminal: Terminal;
  readonly env: Env;
  readonly done: (code: number) => void;
}

/** The real ones. */
export function watchActions({ terminal, env, done }: WatchContext): WatchActions {
  const daemonOf = (flags: AddressFlags) => daemonAddress(flags, env);
  return {
    queue: async (flags) => {
      const { queue } = await import('./queue.ts');
      done(await queue({ ...daemonOf(flags), json: flags.json ?? false }, terminal));
    },
    cancel: async (ids, flags) => {
      const { cancel } = await import('./queue.ts');
      done(await cancel({ ...daemonOf(flags), ids, json: flags.json ?? false }, terminal));
    },
    events: async (flags) => {
      const { events, eventTypes } = await import('./events.ts');
      const types = flags.types === undefined ? null : eventTypes(flags.types);
      done(await events({ ...daemonOf(flags), follow: flags.follow ?? false, types, json: flags.json ?? false }, terminal));
    },
    logs: async (flags) => {
      const { lineCount, logs } = await import('./logs.ts');
      const level = LOG_LEVELS.find((each) => each === (flags.level ?? 'debug')) ?? 'debug';
      const lines = flags.lines === undefined ? undefined : lineCount(flags.lines);
      done(await logs({ ...daemonOf(flags), follow: flags.follow ?? false, json: flags.json ?? false, grep: flags.grep, level, lines }, terminal));
    },
    history: async ({ json = false, csv = false, what = 'exchanges', ...flags }) => {
      if (json && csv) throw new UsageError('expected either --json or --csv');
      const { since, until, consumer, kind, code, status, client, limit, before } = flags;
      const filters = { since, until, consumer, kind, code, status, client, limit, before };
      const { history } = await import('./history.ts');
      done(await history({ ...daemonOf(flags), what, filters, form: csv ? 'csv' : json ? 'json' : 'table' }, terminal));
    },
    top: async (flags) => {
      const [{ top }, { wantsAscii }] = await Promise.all([import('./top.ts'), import('./screen.ts')]);
      const options = { ...daemonOf(flags), ascii: flags.ascii ?? wantsAscii(env), once: flags.once ?? false };
      done(await top(options, terminal));
    },
  };
}
