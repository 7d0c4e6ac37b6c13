import { judgeListen } from '../config/check-values.ts';
import type { Env } from '../config/env.ts';

const DEFAULT_CONFIG = 'config/consumers.yaml';
const DEFAULT_URL = 'http://127.0.0.1:8770';

/** A command line that cannot be understood; the message says what was expected. */
export class UsageError extends Error {}

/** Path of the configuration: the option, else $MGPU_CONFIG, else the default. An empty variable is none. */
export function configPath(option: string | undefined, env: Env): string {
  return option ?? (env['MGPU_CONFIG'] || DEFAULT_CONFIG);
}

/**
 * Where the daemon is: the option, else $MGPU_URL, else the default; without a last slash. HOST:PORT alone means http.
 * @throws UsageError if it is no URL.
 */
export function daemonUrl(option: string | undefined, env: Env): string {
  const given = option ?? (env['MGPU_URL'] || DEFAULT_URL);
  const url = URL.parse(given.includes('://') ? given : `http://${given}`);
  const isHttp = url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
  if (!isHttp || url.username + url.password + url.search + url.hash !== '') {
    throw new UsageError(`expected the daemon's URL such as ${DEFAULT_URL}, got ${url?.password ? 'one with a password' : JSON.stringify(given)}`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/$/, '');
}

/**
 * A value for `--listen`.
 * @throws UsageError if it is no HOST:PORT.
 */
export function listenAddress(option: string): string {
  const isShaped = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/.test(option);
  const verdict = isShaped ? judgeListen(option) : { expected: 'HOST:PORT such as 127.0.0.1:8770 or [::1]:8770' };
  if (verdict !== null) throw new UsageError(`expected ${verdict.expected}, got ${JSON.stringify(option)}`);
  return option;
}
