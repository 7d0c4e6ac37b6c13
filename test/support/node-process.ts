import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A Node process that runs a piece of a module and tells something in lines. */
export interface NodeProcess {
  readonly pid: number;
  /** The next line it printed. */
  line(): Promise<string>;
  /** Its exit code; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Ends it and all it has started with SIGKILL. Does nothing when it has ended. */
  kill(): Promise<void>;
}

/** Starts Node on the text of an ES module. `openFiles`: it may have so many descriptors; default: as many as this process. */
export async function nodeProcess(module: string, env: NodeJS.ProcessEnv = process.env, openFiles: number | null = null): Promise<NodeProcess> {
  const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '--eval', module];
  const limit = openFiles === null ? '' : `ulimit -n ${openFiles} && `;
  const shell = ['-c', `${limit}exec "$0" "$@"`, process.execPath, ...args];
  const child = spawn('/bin/sh', shell, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const exited = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await once(child, 'spawn');
  return { pid: pidOf(child), line: async () => String((await lines.next()).value), exited, kill: () => kill(child, exited) };
}

async function kill(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  try {
    process.kill(-pidOf(child), 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
  await exited;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('not started');
  return child.pid;
}
