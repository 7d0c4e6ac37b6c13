import http from 'node:http';
import https from 'node:https';
import { presetNames, readPreset, type Preset, type Recognition } from '../config/presets.ts';
import { entriesOf, isRecord, textOf } from '../config/tree.ts';
import { ask } from './client.ts';

/** A server that runs, and the preset for it. */
export interface FoundServer {
  /** Without a last slash. */
  readonly url: string;
  readonly preset: Preset;
}

/** What was found at the addresses that were looked at. */
export interface Findings {
  readonly servers: readonly FoundServer[];
  /** Something answers there, and it is no server that is known. */
  readonly unknown: readonly string[];
}

/** A server that loads weights can be slow to answer. ms. */
const ANSWER_MS = 2000;
/** A page or a list of routes; longer is none of what is looked for. Bytes. */
const LONGEST_ANSWER = 2 * 1024 * 1024;

/** The addresses on this machine at which presets expect their servers, and two that the shipped configuration has. */
export function knownAddresses(): string[] {
  const ports = presetNames().map((name) => Number(new URL(textOf(readPreset(name).settings, 'url') ?? '').port));
  return [...new Set([...ports, 8178])].toSorted((one, other) => one - other).map((port) => `http://127.0.0.1:${port}`);
}

/** Looks which servers answer at these addresses, and tells them by what they answer. */
export async function findServers(addresses: readonly string[]): Promise<Findings> {
  const looks = await Promise.all(addresses.map(lookAt));
  return {
    servers: looks.flatMap((look, index) => (look === null || look === 'unknown' ? [] : [{ url: addresses[index] ?? '', preset: look }])),
    unknown: addresses.filter((_, index) => looks[index] === 'unknown'),
  };
}

/** null: nobody answers, or it is the daemon itself that stands in for a server there. */
async function lookAt(url: string): Promise<Preset | 'unknown' | null> {
  const first = await get(url, '/');
  if (first === null || first.isOurs || (await isDaemon(url))) return null;
  const answers = new Map<string, Promise<Reply | null>>([['/', Promise.resolve(first)]]);
  for (const preset of presetNames().map(readPreset)) {
    const { path } = preset.recognise;
    const answer = answers.get(path) ?? get(url, path);
    answers.set(path, answer);
    if (isRecognised(preset.recognise, (await answer)?.good ?? null)) return preset;
  }
  return 'unknown';
}

/** Whether an answer is what servers of this kind give. `text` null: there was none, or an error. */
export function isRecognised({ has, lacks, contains }: Recognition, text: string | null): boolean {
  if (text === null || !text.includes(contains ?? '')) return false;
  if (has.length + lacks.length === 0) return true;
  const body = parsed(text);
  return has.every((pointer) => isAt(body, pointer)) && !lacks.some((pointer) => isAt(body, pointer));
}

function isAt(value: unknown, pointer: string): boolean {
  let at = value;
  for (const token of pointer.split('/').slice(1).map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    const member = isRecord(at) ? entriesOf(at).find(([key]) => key === token) : undefined;
    if (member === undefined) return false;
    [, at] = member;
  }
  return true;
}

async function isDaemon(url: string): Promise<boolean> {
  const answer = await ask({ url, method: 'GET', path: '/v1/status', timeoutMs: ANSWER_MS });
  return answer.kind === 'answer' && isRecord(answer.body) && 'scheduler' in answer.body;
}

interface Reply {
  /** The body of a 2xx; null: another status. */
  readonly good: string | null;
  /** It came through a daemon of ours. */
  readonly isOurs: boolean;
}

/** null: nobody answers. */
async function get(url: string, path: string): Promise<Reply | null> {
  const { promise, resolve } = Promise.withResolvers<Reply | null>();
  const { request } = url.startsWith('https:') ? https : http;
  const sent = request(url + path, { agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (answer) => {
    const status = answer.statusCode ?? 0;
    let body = '';
    answer.setEncoding('utf8').on('data', (text: string) => {
      body += text;
      if (body.length > LONGEST_ANSWER) answer.destroy();
    });
    answer.once('close', () => resolve({ good: status >= 200 && status <= 299 && answer.complete ? body : null, isOurs: answer.headers['x-consumer'] !== undefined }));
    answer.on('error', () => undefined);
  });
  sent.on('error', () => resolve(null));
  sent.end();
  return promise;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
