import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CardMemory, createCard } from '../../lib/demo/card.ts';
import type { CardOptions } from '../../lib/demo/card.ts';

/** A simulated card in a folder of its own, with the means to make its nvidia-smi fail. */
export interface FakeCard {
  readonly dir: string;
  readonly uuid: string;
  readonly memory: CardMemory;
  /** Environment in which `nvidia-smi` is the card's. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs a shell snippet at the start of each nvidia-smi from now on: `echo 'No devices were found'; exit 6`. */
  setMode(snippet: string): void;
  /** nvidia-smi works again. */
  clearMode(): void;
  /** Says that a process holds so much; 0 frees it. */
  hold(name: string, mib: number, pid?: number): void;
  /** Pids of every nvidia-smi started since the first `setMode`, oldest first. */
  startedPids(): readonly number[];
  cleanup(): void;
}

/** Makes a simulated card. `cleanup()` removes its folder. */
export function fakeCard(options: CardOptions): FakeCard {
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-card-'));
  const { uuid, binDir } = createCard(dir, options);
  const memory = new CardMemory(dir);
  const started = join(dir, 'started');
  const setMode = (snippet: string): void => replaceFile(join(dir, 'mode'), `echo $$ >>'${started}'\n${snippet}\n`);
  appendFileSync(started, '');
  return {
    dir,
    uuid,
    memory,
    env: { PATH: `${binDir}:${process.env['PATH'] ?? ''}` },
    setMode,
    clearMode: () => setMode(''),
    hold: (name, mib, pid) => memory.hold(name, mib, pid),
    startedPids: () => readFileSync(started, 'utf8').split('\n').filter((line) => line !== '').map(Number),
    cleanup: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Whether a process lives; one that has ended but was not yet waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** In one step: nvidia-smi must never source half a file. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
