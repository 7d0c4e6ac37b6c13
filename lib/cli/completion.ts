import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { zshScript } from './completion-zsh.ts';

/** The shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a running daemon has the words of: `mgpumanager names WHAT` prints them, one a line. */
export const LIVE_WORDS = ['consumers', 'requests'] as const;
export type LiveWords = (typeof LIVE_WORDS)[number];

/** What the value of an option or an argument can be. */
export interface ValueWords {
  /** Empty: not known beforehand. */
  readonly choices: readonly string[];
  /** What the daemon is asked for; null: nothing. */
  readonly live: LiveWords | null;
}

/** An option as the command table has it. */
export interface OptionWords extends ValueWords {
  /** With their dashes: `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly about: string;
  readonly takesValue: boolean;
}

/** A command; the words are those of its arguments. */
export interface CommandWords extends ValueWords {
  readonly name: string;
  readonly about: string;
  readonly options: readonly OptionWords[];
}

/** What there is to complete. */
export interface ProgramWords {
  readonly name: string;
  /** Those of every command. */
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

/** A script that has a shell complete the program's words. */
export function completionScript(shell: Shell, program: ProgramWords): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](program);
}
