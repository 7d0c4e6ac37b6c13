import { nodeProcess } from './node-process.ts';
import type { NodeProcess } from './node-process.ts';

export interface ListeningOptions {
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Name of the process as the kernel shows it. */
  readonly title?: string;
}

/** A process that listens, and a child of it that does not. */
export interface ListeningProcess extends NodeProcess {
  readonly port: number;
  readonly childPid: number;
}

/** Starts a process that listens on a free port and has a child. */
export async function listeningProcess({ host = '127.0.0.1', title }: ListeningOptions = {}): Promise<ListeningProcess> {
  const started = await nodeProcess(`
    import { spawn } from 'node:child_process';
    import { createServer } from 'node:net';
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const server = createServer().listen(0, ${JSON.stringify(host)}, () => {
      ${title === undefined ? '' : `process.title = ${JSON.stringify(title)};`}
      console.log(JSON.stringify([server.address().port, child.pid]));
    });
  `);
  const told: unknown = JSON.parse(await started.line());
  const [port, childPid] = Array.isArray(told) ? told.map(Number) : [];
  if (port === undefined || childPid === undefined) throw new Error(`expected a port and a pid, got ${JSON.stringify(told)}`);
  return { ...started, port, childPid };
}
