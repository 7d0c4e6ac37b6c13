import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Env } from '../config/env.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import type { DaemonAddress } from './client.ts';
import { checkConsumers } from './doctor-consumers.ts';
import { triable, tryHooks } from './doctor-hooks.ts';
import { checkCard, checkClock, checkOpenFiles, checkPm2 } from './doctor-machine.ts';
import { checkPorts } from './doctor-port.ts';
import { renderFindings } from './doctor-view.ts';
import { EXIT } from './exit-codes.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { daemonUrl, UsageError } from './settings.ts';
import type { Terminal } from './terminal.ts';

/** Any time will do. ms. */
const AWAKE_MS = 1000;

export interface DoctorOptions {
  /** Path of the configuration. */
  readonly config: string;
  /** Where the daemon is said to be; undefined: where the configuration has it listen. */
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly json: boolean;
  /** Unload and load each consumer for real. */
  readonly tryHooks: boolean;
  /** Without being asked whether that is meant. */
  readonly yes: boolean;
  readonly env: Env;
}

/** Looks at all that has to be right for the daemon to work, and says what to do where it is not. Returns the exit code. */
export async function doctor(options: DoctorOptions, terminal: Terminal): Promise<number> {
  const { json, env } = options;
  const result = loadConfig(options.config, env);
  const config = result.ok ? result.config : null;
  if (options.tryHooks && config !== null) await confirm(options, config, terminal);
  const daemon = { url: daemonUrl(options.url ?? (env['MGPU_URL'] || addressIn(config)), env), key: options.key };
  const found = await checkPorts(daemon, config);
  const rest = config === null ? [] : await checkAll(config, options, { daemon: found.isOurs ? daemon : null, time: found.time, now: terminal.now() });
  const findings = [...configFindings(options.config, result), ...found.findings, ...rest];
  const isFine = findings.every((finding) => finding.result !== 'fail');
  terminal.out(json ? `${JSON.stringify({ ok: isFine, checks: findings }, null, 2)}\n` : renderFindings(findings, terminal));
  return isFine ? EXIT.fine : EXIT.failed;
}

interface Running {
  /** null: none runs. */
  readonly daemon: DaemonAddress | null;
  readonly time: Date | null;
  readonly now: Date;
}

async function checkAll(config: Config, options: DoctorOptions, { daemon, time, now }: Running): Promise<Finding[]> {
  const { env } = options;
  // What the daemon's parts wait for does not keep a process alive.
  const awake = setInterval(() => undefined, AWAKE_MS);
  try {
    const [card, pm2, clock, consumers] = await Promise.all([checkCard(config, env), checkPm2(config, env), checkClock(time, now), checkConsumers(config, env)]);
    return [card, ...consumers, ...(options.tryHooks ? await tryHooks(config, daemon) : []), pm2, checkOpenFiles(config), clock];
  } finally {
    clearInterval(awake);
  }
}

function configFindings(file: string, result: ReturnType<typeof loadConfig>): Finding[] {
  if (!result.ok) {
    const fix = existsSync(file)
      ? 'Correct the file; `mgpumanager check` lists all that is wrong with it.'
      : '`mgpumanager init` writes one for the servers that run here; or say with -c where yours is.';
    return result.problems.map((problem) => fail('config', formatProblem(problem), fix));
  }
  const warnings = result.warnings.map((problem) => warn('config', formatProblem(problem), 'Correct it if it is not meant.'));
  return [ok('config', `${file} is valid`), ...warnings];
}

/** Where a daemon with this configuration is reached from its own machine; undefined: where it is by default. */
function addressIn(config: Config | null): string | undefined {
  if (config === null) return undefined;
  return `http://${config.listen.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')}`;
}

/** @throws UsageError where it is not meant, or nobody can be asked. */
async function confirm({ yes }: DoctorOptions, config: Config, terminal: Terminal): Promise<void> {
  const names = triable(config);
  if (yes || names.length === 0) return;
  if (!process.stdin.isTTY) throw new UsageError('--try-hooks unloads and loads every consumer; say --yes where nobody can be asked');
  terminal.err(`This unloads and loads ${names.join(', ')} for real. `);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question('Go on? [y/N] ');
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('--try-hooks was not confirmed; nothing was done');
}
