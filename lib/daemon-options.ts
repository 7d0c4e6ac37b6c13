import type { Config } from './config/types.ts';
import type { LogLines } from './events/log-lines.ts';
import type { Logger } from './logger.ts';

/** What a daemon is made from. */
export interface DaemonOptions {
  readonly config: Config;
  /** For messages. */
  readonly configPath: string;
  readonly version: string;
  readonly logger: Logger;
  /** What that logger has written, for whoever reads along. Default: nothing. */
  readonly logLines?: LogLines;
  /** HOST:PORT instead of the configuration's. */
  readonly listen?: string | undefined;
  /** Environment in which nvidia-smi is looked for. */
  readonly env?: NodeJS.ProcessEnv;
  /** File for what survives a restart. Default: nothing does. */
  readonly stateFile?: string;
  /** Where large request bodies wait. Default: the system's temporary folder. */
  readonly spoolFolder?: string;
  /** Socket of the Tailscale daemon. Default: where its own package puts it. */
  readonly tailscaleSocket?: string;
}
