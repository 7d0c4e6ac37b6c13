import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ask } from '../support/http.js';
import { programFromDebian } from '../support/debian.js';

/** Slow headers, slow body, overlapping ranges, slow reading. */
const MODES = { H: ['-H'], B: ['-B'], R: ['-R', '-a', '10', '-b', '3000'], X: ['-X', '-w', '16', '-y', '32', '-z', '8'] };
const COMMON = ['-c', '500', '-r', '200', '-i', '2', '-l', '12', '-x', '24', '-p', '3'];
const LIMIT_MS = 60_000;
const PATHS = { H: '/healthz', B: '/v1/llm', R: '/audio/x', X: '/audio/x' };

export const about = 'slowhttptest in its four modes, 500 connections each';

export function needs({ mayDownload }) {
  const { program, env: libraries, missing } = programFromDebian('slowhttptest', mayDownload);
  return missing === undefined ? { program, libraries } : { missing };
}

export async function run({ daemon, needs: { program, libraries }, goals }) {
  for (const [mode, flags] of Object.entries(MODES)) {
    const url = `http://127.0.0.1:${daemon.port}${PATHS[mode]}`;
    const testing = promisify(execFile)(program, [...flags, ...COMMON, '-u', url], { timeout: LIMIT_MS, env: { ...process.env, ...libraries } });
    const others = askUntil(daemon.port, testing);
    const { stdout } = await testing;
    const { bad, asked } = await others;
    goals.atMost(`-${mode}: others without 200 from /healthz`, 0, { measured: bad, note: `of ${asked}` });
    // Its own probe asks the tested path, and says NO if no answer came within 3 s.
    goals.atMost(`-${mode}: its last word on the service is NO`, 0, { measured: Number(stdout.replaceAll(/\x1b\[[0-9;]*m/g, '').split('service available:').at(-1).includes('NO')) });
  }
}

async function askUntil(port, ending) {
  let isOver = false;
  ending.finally(() => (isOver = true)).catch(() => undefined);
  const seen = { asked: 0, bad: 0 };
  while (!isOver) {
    seen.asked += 1;
    if ((await ask(port, { path: '/healthz' })).status !== 200) seen.bad += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return seen;
}
