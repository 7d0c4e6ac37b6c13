import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Config } from '../config/types.ts';
import { listenOn } from '../listen.ts';
import { StartError } from '../start-error.ts';
import { textOf } from '../config/tree.ts';
import { ask, QUICK_MS, type DaemonAddress } from './client.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { dateOf } from './members.ts';
import { readStatus } from './status-document.ts';

/** What answers where the daemon is looked for. */
export interface FoundDaemon {
  readonly findings: readonly Finding[];
  /** A daemon of ours answers. */
  readonly isOurs: boolean;
  /** Its clock; null: none answers. */
  readonly time: Date | null;
}

/** Whether the daemon runs, or its ports are free for it. `config` null: it could not be read, so that only a running daemon is looked for. */
export async function checkPorts(daemon: DaemonAddress, config: Config | null): Promise<FoundDaemon> {
  const answer = await ask({ ...daemon, method: 'GET', path: '/v1/status', timeoutMs: QUICK_MS });
  const { url } = daemon;
  if (answer.kind === 'answer' && readStatus(answer.body) !== null) {
    return { findings: [ok('daemon', `mGPUmanager ${textOf(answer.body, 'version') ?? ''} answers at ${url}`)], isOurs: true, time: dateOf(answer.body, 'time') };
  }
  if (answer.kind === 'error') {
    const fix = answer.error === 'unauthorized' ? 'Show a key with --key-file or $MGPU_KEY.' : 'Ask at an address that it lets in, or change `access` in the configuration.';
    return { findings: [warn('daemon', `${url} answers: ${answer.message}`, fix)], isOurs: true, time: null };
  }
  const ports = config === null ? [] : await Promise.all(addresses(config).map(checkFree));
  if (answer.kind === 'unreachable') return { findings: [ok('daemon', `does not run (${answer.message})`), ...ports], isOurs: false, time: null };
  const message = `${url} answers, but not as mGPUmanager does`;
  return { findings: [fail('daemon', message, 'Something else has that port: `ss -ltnp` says what. End it, or choose another `listen`.')], isOurs: false, time: null };
}

/** All that it will listen on. */
function addresses({ listen, consumers }: Config): string[] {
  return [listen, ...[...consumers.values()].flatMap((consumer) => consumer.listen ?? [])];
}

async function checkFree(listen: string): Promise<Finding> {
  const server = createServer();
  try {
    await listenOn(server, listen);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return fail('port', error.message, `\`ss -ltnp\` says what has it. End that, or choose another address than ${listen}.`);
  }
  const closed = once(server, 'close');
  server.close();
  await closed;
  return ok('port', `${listen} is free`);
}
