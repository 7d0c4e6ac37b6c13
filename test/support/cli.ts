import { run } from '../../lib/cli/main.ts';
import type { Terminal } from '../../lib/cli/terminal.ts';
import type { Env } from '../../lib/config/env.ts';

/** What a command line did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export const NOW = new Date('2026-11-21T12:00:00Z');

/** How a test wants the terminal to be. */
export interface TerminalSettings {
  readonly env?: Env;
  readonly color?: boolean;
  readonly width?: number | null;
  /** Called at each pause of `--watch`; false ends it. */
  readonly pause?: () => Promise<boolean>;
}

/** Runs one command line in this process. */
export async function runCli(argv: readonly string[], settings: TerminalSettings = {}): Promise<Outcome> {
  const { env = {}, color = false, width = null, pause = async () => false } = settings;
  const written = { out: '', err: '' };
  const terminal: Terminal = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    color,
    width,
    now: () => NOW,
    pause,
  };
  const code = await run(argv, terminal, env);
  return { code, ...written };
}
