import { spawn } from '@lydell/node-pty';
import type { IPty } from '@lydell/node-pty';
import { BIN } from './serve-process.ts';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';
const HOME = '\u001b[H';

/** The program in a real pseudo-terminal. */
export interface PtyProcess {
  readonly pty: IPty;
  /** All that it has written. */
  readonly written: () => string;
  /** What the second screen shows now, without colours; null: it is not in use. */
  readonly picture: () => string | null;
  /** Resolves when it has ended. */
  readonly ended: Promise<{ readonly code: number; readonly signal: number | undefined }>;
}

/** Starts `bin/mgpumanager.js` from dist/ on a terminal of 100 × 30. */
export function startPty(args: readonly string[], env: NodeJS.ProcessEnv = {}): PtyProcess {
  let text = '';
  const pty = spawn(process.execPath, [BIN, ...args], { name: env['TERM'] ?? 'xterm-256color', cols: 100, rows: 30, env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '', LANG: 'C.UTF-8', LC_ALL: '', ...env } });
  pty.onData((data) => (text += data));
  const { promise: ended, resolve } = Promise.withResolvers<{ code: number; signal: number | undefined }>();
  pty.onExit(({ exitCode, signal }) => resolve({ code: exitCode, signal }));
  return { pty, written: () => text, picture: () => pictureIn(text), ended };
}

function pictureIn(text: string): string | null {
  if (text.lastIndexOf(LEAVE) >= text.lastIndexOf(ENTER)) return null;
  const frames = text.slice(text.lastIndexOf(ENTER)).split(HOME);
  // The last one is whole once what clears below it has come.
  const frame = frames.findLast((each) => each.includes('\u001b[J'));
  return frame === undefined ? '' : frame.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}
