import { spawn } from 'node:child_process';

/** The end of what a failing command wrote is what tells why. */
const KEPT_OUTPUT = 2000;

/**
 * Runs a program without a shell, in a process group of its own, so that a timeout ends its children too.
 * @param timeoutMs after this the group is killed.
 * @throws Error with the exit code or signal and the end of what it wrote.
 */
export function runCommand(argv: readonly [string, ...string[]], timeoutMs: number): Promise<void> {
  const [program, ...args] = argv;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const timer = setTimeout(() => {
    killGroup(child.pid);
    reject(new Error(`${program} did not end within ${timeoutMs} ms${said(output)}`));
  }, timeoutMs);
  child.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`${program} could not be started (${error.code ?? error.message})`)));
  // Not `close`: a daemon that the command started may keep its output open.
  child.once('exit', (code, signal) => {
    if (code === 0) resolve();
    else reject(new Error(`${program} ended with ${code === null ? `signal ${signal}` : `exit code ${code}`}${said(output)}`));
    child.stdout.destroy();
    child.stderr.destroy();
  });
  return promise.finally(() => clearTimeout(timer));
}

function said(output: string): string {
  const text = output.trim();
  return text === '' ? '' : `: ${text}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended in this moment.
  }
}
