import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config/types.ts';
import type { Logger } from './logger.ts';

/** Warns of settings that have changed and that only a restart can change. */
export function warnOfRestart(before: Config, after: Config, logger: Logger): void {
  const settings = [
    ['listen', before.listen, after.listen],
    ['gpu.device', before.gpu.device, after.gpu.device],
    ['tracing.otlp_endpoint', before.tracing.otlp_endpoint, after.tracing.otlp_endpoint],
    ['state.file', before.state.file, after.state.file],
  ] as const;
  for (const [key, running, configured] of settings) {
    if (running !== configured) logger.warn('this setting needs a restart to take effect', { key, running, configured });
  }
}

/** Whether somebody who was let in before may have to show again that he may. */
export function isAccessChanged(before: Config, after: Config): boolean {
  return !isDeepStrictEqual(before.access, after.access);
}
