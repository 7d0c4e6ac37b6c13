import type { ConsumerStatus } from './consumer-status.ts';

/** While it is so, one that is unloaded by being stopped answers no probe, and that is fine. */
const STOPPED: readonly string[] = ['absent', 'loading', 'unloading'];

/** Whether something is wrong with a consumer. */
export function isIll({ health, residency, isLoadable }: ConsumerStatus): boolean {
  return health === 'unhealthy' && !(isLoadable && STOPPED.includes(residency));
}

/** What would help an ill consumer: a command wherever there is one. */
export function adviceFor({ url, lastError, systemdUnit }: Pick<ConsumerStatus, 'url' | 'lastError' | 'systemdUnit'>): string {
  if (/ENOTFOUND|EAI_AGAIN/.test(lastError ?? '')) return `correct its url in the configuration: the name ${hostOf(url)} is not known`;
  if (systemdUnit !== null) return `systemctl --user restart ${quoted(systemdUnit)}`;
  const look = url === null ? 'look at its log' : `curl -i ${quoted(url + probePath(lastError))}`;
  if (/ECONNREFUSED|refused/i.test(lastError ?? '')) return `start it (nothing listens there), then check with: ${look}`;
  return look;
}

/** The daemon's error begins with the probe that failed, such as `GET /health: …`. */
function probePath(error: string | null): string {
  return /^GET (\/\S*?)(?::| answered) /.exec(error ?? '')?.[1] ?? '/';
}

/** A word for the shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function hostOf(url: string | null): string {
  return (url === null ? null : URL.parse(url))?.hostname ?? 'of its host';
}
