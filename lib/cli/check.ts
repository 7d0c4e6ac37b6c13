import type { Env } from '../config/env.ts';
import { loadConfig, type LoadResult } from '../config/load.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import { reachLines } from '../core/reach.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

export interface CheckOptions {
  /** Path of the configuration. */
  readonly config: string;
  readonly json: boolean;
  readonly env: Env;
}

/** Says everything that is wrong with a configuration. Returns the exit code. */
export function check({ config, json, env }: CheckOptions, terminal: Terminal): number {
  const result = loadConfig(config, env);
  const lines = json ? [JSON.stringify(report(config, result), null, 2)] : textLines(config, result);
  terminal.out(`${lines.join('\n')}\n`);
  return result.ok ? EXIT.fine : EXIT.invalidConfig;
}

function report(file: string, result: LoadResult): Record<string, unknown> {
  return result.ok ? { ok: true, file, problems: [], warnings: result.warnings } : { ok: false, file, problems: result.problems, warnings: [] };
}

function textLines(file: string, result: LoadResult): string[] {
  if (!result.ok) return [...result.problems.map(formatProblem), `${file}: ${plural(result.problems.length, 'problem')}`];
  const { consumers, listen } = result.config;
  const fine = `${file}: fine (${plural(consumers.size, 'consumer')}, listens at ${listen})`;
  return [...result.warnings.map(warningLine), fine, 'Who can reach it:', ...reachLines(result.config, listen).map((line) => `  ${line}`)];
}

function warningLine(problem: Problem): string {
  return formatProblem({ ...problem, message: `warning: ${problem.message}` });
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
