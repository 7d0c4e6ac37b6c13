import type { ConsumerStatus } from './consumer-status.ts';

/** Whether something is wrong with a consumer. One that was unloaded by stopping it answers no probe, and that is fine. */
export function isIll({ health, residency, isLoadable }: ConsumerStatus): boolean {
  return health === 'unhealthy' && !(residency === 'absent' && isLoadable);
}

/** What would help an ill consumer: a command wherever there is one. */
export function adviceFor({ url, lastError, systemdUnit }: Pick<ConsumerStatus, 'url' | 'lastError' | 'systemdUnit'>): string {
  if (systemdUnit !== null) return `systemctl --user restart ${systemdUnit}`;
  const look = url === null ? 'look at its log' : `curl -i ${quoted(url + probePath(lastError))}`;
  if (/ECONNREFUSED|refused/i.test(lastError ?? '')) return `start it (nothing listens there), then check with: ${look}`;
  if (/ENOTFOUND|EAI_AGAIN/.test(lastError ?? '')) return `correct its url in the configuration: the name ${hostOf(url)} is not known`;
  return look;
}

/** The daemon's error begins with the probe that failed, such as `GET /health: …`. */
function probePath(error: string | null): string {
  return /^GET (\/\S*): /.exec(error ?? '')?.[1] ?? '/';
}

/** A word for the shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function hostOf(url: string | null): string {
  return (url === null ? null : URL.parse(url))?.hostname ?? 'of its host';
}
