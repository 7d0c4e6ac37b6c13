import { createLogger } from '../logging.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import { reachLines } from '../core/reach.ts';
import { Daemon } from '../daemon.ts';
import { LogLines } from '../events/log-lines.ts';
import type { Logger } from '../logger.ts';
import { defaultStateFile } from '../state-file.ts';
import { StartError } from '../start-error.ts';
import { version } from '../version.ts';
import { EXIT } from './exit-codes.ts';

/** How `serve` is started. */
export interface ServeOptions {
  /** Path of the configuration. */
  readonly config: string;
  /** HOST:PORT instead of the configuration's. */
  readonly listen?: string;
}

/** 128 + SIGINT, as a shell says it. */
const INTERRUPTED = 130;

/** After so long a daemon that has just started is at rest, ms. */
const SETTLED_MS = 1000;

/** Runs the daemon in the foreground until a signal ends it. Returns the exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  const result = loadConfig(options.config, process.env);
  if (!result.ok) {
    for (const problem of result.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return EXIT.invalidConfig;
  }
  const logLines = new LogLines();
  const logger = createLogger(process.stdout, result.config.log.level, logLines);
  guardProcess(logger);
  for (const warning of result.warnings) logger.warn('configuration', { problem: formatProblem(warning) });
  const stateFile = result.config.state.file ?? defaultStateFile(result.config.gpu.device, process.env);
  const daemon = new Daemon({ config: result.config, configPath: options.config, version: version(), logger, logLines, listen: options.listen, stateFile });
  // Before anybody can know that we are there: a signal that comes early must not meet Node's own handling.
  const ending = endingSignal();
  let { config } = result;
  let isListening = false;
  process.on('SIGHUP', () => {
    if (isListening) config = reload({ daemon, path: options.config, logger }) ?? config;
  });
  try {
    await daemon.start();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    logger.error('cannot start', { reason: error.message });
    process.stderr.write(`mgpumanager: ${error.message}\n`);
    return EXIT.taken;
  }
  isListening = true;
  logger.info('listening', { url: daemon.url, pid: process.pid, config: options.config, access: config.access.allow });
  sayReach(config, daemon.url, logger);
  // PM2 starts the next step only now.
  process.send?.('ready');
  setTimeout(giveBackMemory, SETTLED_MS).unref();
  const signal = await ending;
  logger.info('shutting down', { signal, grace_ms: config.shutdown_grace });
  await daemon.stop(config.shutdown_grace);
  logger.info('stopped');
  return EXIT.fine;
}

/** A start leaves 5 MiB of garbage, which V8 would only collect after many requests. `gc` is there if Node was started with `--expose-gc`. */
function giveBackMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Who can reach the daemon, and what they may do. */
function sayReach(config: Config, url: string, logger: Logger): void {
  for (const line of reachLines(config, url.slice('http://'.length))) logger.info('access', { line });
}

/** A bad file changes nothing and is reported. */
function reload({ daemon, path, logger }: { daemon: Daemon; path: string; logger: ReturnType<typeof createLogger> }): Config | null {
  const result = loadConfig(path, process.env);
  if (!result.ok) {
    daemon.reloadFailed(result.problems.map(formatProblem).join('\n'));
    return null;
  }
  for (const warning of result.warnings) logger.warn('configuration', { problem: formatProblem(warning) });
  logger.setLevel(result.config.log.level);
  daemon.reload(result.config);
  sayReach(result.config, daemon.url, logger);
  return result.config;
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function endingSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let isEnding = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isEnding) process.exit(INTERRUPTED);
    isEnding = true;
    resolve(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return promise;
}

/** A bug that nobody caught ends the process: its state can no longer be trusted. PM2 starts a new one. */
function guardProcess(logger: Logger): void {
  const die = (kind: string) => (error: unknown): void => {
    logger.error(kind, { error: error instanceof Error ? error.stack : String(error) });
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));
  process.stderr.on('error', () => undefined);
}
