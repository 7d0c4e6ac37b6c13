import type { Env } from '../../../lib/config/env.ts';
import { parseConfig } from '../../../lib/config/load.ts';
import { formatProblem } from '../../../lib/config/problem.ts';
import type { Config } from '../../../lib/config/types.ts';

/** The lines that a file's problems are printed as; none for a valid file. */
export function problemLines(text: string, env: Env = {}): string[] {
  const result = parseConfig(text, 'c.yaml', env);
  return result.ok ? [] : result.problems.map(formatProblem);
}

/** The lines that a valid file's warnings are printed as. */
export function warningLines(text: string): string[] {
  const result = parseConfig(text, 'c.yaml', {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.warnings.map(formatProblem);
}

/** The configuration of a valid file. */
export function configOf(text: string, env: Env = {}, file = 'c.yaml'): Config {
  const result = parseConfig(text, file, env);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}
