import { dirname, join, resolve } from 'node:path';
import type { Config } from './config/types.ts';
import type { DaemonOptions } from './daemon-options.ts';
import type { EventLog } from './events/event-log.ts';
import { History } from './history/history.ts';
import type { HistorySettings } from './history/messages.ts';
import { stateFolder } from './state-file.ts';

const MIB = 2 ** 20;

/** The history of a daemon; it begins with the first configuration that it is given. */
export function historyIn({ configPath, env = process.env, logger }: DaemonOptions, events: EventLog): History {
  const history = new History(logger, (config) => historySettings(config, { configPath, env }));
  events.listen((event) => history.note(event));
  return history;
}

/** Where the history is kept and how much of it; null: it is not. A path is relative to the configuration file, by default the file is beside that of the state. */
export function historySettings({ history, gpu }: Config, { configPath, env }: { readonly configPath: string; readonly env: NodeJS.ProcessEnv }): HistorySettings | null {
  if (history === undefined) return null;
  const { path, keep, max_mib: maxMib } = history;
  const file = path === undefined ? join(stateFolder(env), gpu.device === 0 ? 'history.db' : `history-gpu${gpu.device}.db`) : resolve(dirname(configPath), path);
  return { file, keepMs: keep, maxBytes: maxMib * MIB };
}
