import { judgeListen } from '../config/check-values.ts';
import { readPrivateText } from '../config/read-file.ts';
import type { Env } from '../config/env.ts';
import { KINDS } from '../config/types.ts';
import { readMeasure, type Unit } from '../config/units.ts';
import type { DaemonAddress } from './client.ts';

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
  return httpUrl(option ?? (env['MGPU_URL'] || DEFAULT_URL), `the daemon's URL such as ${DEFAULT_URL}`);
}

/**
 * The URL of a server, without a last slash. HOST:PORT alone means http. `expected` says what it should be.
 * @throws UsageError if it is no URL.
 */
export function httpUrl(given: string, expected: string): string {
  const url = URL.parse(given.includes('://') ? given : `http://${given}`);
  const isHttp = url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
  if (!isHttp || url.username + url.password + url.search + url.hash !== '') {
    throw new UsageError(`expected ${expected}, got ${url?.password ? 'one with a password' : JSON.stringify(given)}`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/$/, '');
}

/**
 * The key for the daemon: in the file of the option, else $MGPU_KEY; undefined: none.
 * @throws UsageError if others can read the file, or there is no key in it. It never shows the key.
 */
export function daemonKey(file: string | undefined, env: Env): string | undefined {
  if (file === undefined) return env['MGPU_KEY'] ? keyIn(env['MGPU_KEY'], '$MGPU_KEY') : undefined;
  const read = readPrivateText(file);
  if (!read.ok) throw new UsageError(`expected a file with a key that only its owner can read for --key-file, got ${read.got}`);
  return keyIn(read.text, file);
}

/** The options that say which daemon is meant. */
export interface AddressFlags {
  readonly url?: string;
  readonly keyFile?: string;
}

/** @throws UsageError as `daemonUrl` and `daemonKey` do. */
export function daemonAddress({ url, keyFile }: AddressFlags, env: Env): DaemonAddress {
  return { url: daemonUrl(url, env), key: daemonKey(keyFile, env) };
}

function keyIn(text: string, where: string): string {
  const key = text.trim();
  if (!/^[!-~]{1,1024}$/.test(key)) throw new UsageError(`expected one key of printable characters without spaces in ${where}`);
  return key;
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

/**
 * A value for an option that is a duration; ms.
 * @throws UsageError if it is none.
 */
export function durationOption(name: string, text: string, unit: Unit = 'duration'): number {
  const measure = readMeasure(unit, text);
  if (!measure.ok) throw new UsageError(`expected ${measure.expected} for ${name}, got ${JSON.stringify(text)}`);
  return measure.value;
}

/** What stands before and behind `--` on the command line of `with-lease`. */
export interface LeaseWords {
  readonly before: readonly string[];
  readonly behind: readonly string[];
}

/** What a lease is for, and what is to run inside it. */
export interface LeaseSubject {
  readonly subject: { readonly kind: string } | { readonly consumer: string };
  readonly command: string;
  readonly args: readonly string[];
}

/** @throws UsageError unless there is a kind or a consumer, and a command behind `--`. */
export function leaseSubject({ before, behind }: LeaseWords, consumer: string | undefined): LeaseSubject {
  const [kind, ...rest] = before;
  const [command, ...args] = behind;
  if (command === undefined || rest.length > 0) throw new UsageError('expected `--` and a command behind it, as in: mgpumanager with-lease llm -- python3 batch.py');
  if ((kind === undefined) === (consumer === undefined)) throw new UsageError('expected either a kind or --consumer');
  if (consumer !== undefined) return { subject: { consumer }, command, args };
  const known = KINDS.find((each) => each === kind);
  if (known === undefined) throw new UsageError(`expected one of the kinds ${KINDS.join(', ')}, got ${JSON.stringify(kind)}`);
  return { subject: { kind: known }, command, args };
}
