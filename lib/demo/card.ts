import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../error-code.ts';

/** A simulated card. Memory in MiB. */
export interface CardOptions {
  readonly totalMib: number;
  /** Default: invented, so that a simulated card never meets the lock of a real one. */
  readonly uuid?: string;
  readonly name?: string;
}

export interface Card {
  /** State folder, for `CardMemory`. */
  readonly dir: string;
  /** Put first on PATH, it makes the card's `nvidia-smi` the one that is found. */
  readonly binDir: string;
  readonly uuid: string;
}

/** Lays out a simulated card in `dir` and installs its `nvidia-smi`. */
export function createCard(dir: string, options: CardOptions): Card {
  const uuid = options.uuid ?? `GPU-${randomUUID()}`;
  const binDir = join(dir, 'bin');
  mkdirSync(binDir, { recursive: true });
  mkdirSync(join(dir, 'processes'), { recursive: true });
  writeFileSync(join(dir, 'card'), `${options.totalMib}\n${uuid}\n${options.name ?? 'Simulated RTX'}\n`);
  writeFileSync(join(binDir, 'nvidia-smi'), script(dir), { mode: 0o755 });
  return { dir, binDir, uuid };
}

/** The memory of a simulated card, as the simulated servers see it. Every process on the machine sees the same. */
export class CardMemory {
  /** The card's state folder. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Says that process `pid` holds `mib` MiB in all; 0 frees them. A process that dies frees its own. */
  hold(name: string, mib: number, pid: number = process.pid): void {
    const file = this.#file(pid);
    if (mib === 0) return rmSync(file, { force: true });
    const unfinished = this.#file(`.${pid}`);
    try {
      writeFileSync(unfinished, `${name.replaceAll('\n', ' ')},${mib}\n`);
      renameSync(unfinished, file);
    } catch (error) {
      // The card is gone: a test has ended, and a timer of a server goes on.
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  /**
   * Takes `mib` MiB more for this process.
   * @throws Error as CUDA words it, when less is free.
   */
  allocate(name: string, mib: number): void {
    const before = this.#heldMib(process.pid);
    // Claimed before it is checked: two processes that allocate at once can both fail, but never both overfill the card.
    this.hold(name, before + mib);
    const overMib = this.usedMib() - this.#totalMib();
    if (overMib <= 0) return;
    this.hold(name, before);
    throw new Error(`CUDA out of memory. Tried to allocate ${mib} MiB, of which ${Math.max(0, mib - overMib)} MiB are free.`);
  }

  /** MiB held by processes that are alive. */
  usedMib(): number {
    const pids = readdirSync(join(this.dir, 'processes')).filter((name) => !name.startsWith('.')).map(Number);
    return pids.filter(isAlive).reduce((total, pid) => total + this.#heldMib(pid), 0);
  }

  freeMib(): number {
    return Math.max(0, this.#totalMib() - this.usedMib());
  }

  #totalMib(): number {
    return Number.parseInt(readFileSync(join(this.dir, 'card'), 'utf8'), 10);
  }

  #heldMib(pid: number): number {
    try {
      return Number.parseInt(readFileSync(this.#file(pid), 'utf8').split(',').at(-1) ?? '0', 10);
    } catch {
      return 0;
    }
  }

  #file(name: number | string): string {
    return join(this.dir, 'processes', String(name));
  }
}

/** A process of another user cannot be signalled, but it lives. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Only what the shell itself can do: a reading every few ms must not cost a fork each. */
function script(dir: string): string {
  return `#!/bin/sh
# Simulated nvidia-smi: one card, its state in files. A file "mode" there can make it fail in any way.
dir='${dir.replaceAll("'", `'\\''`)}'
if [ -e "$dir/mode" ]; then . "$dir/mode"; fi
case "$1 $2" in '-i 0') ;; *) echo 'No devices were found'; exit 6 ;; esac
{ IFS= read -r total; IFS= read -r uuid; IFS= read -r name; } <"$dir/card"
used=0
rows=
for file in "$dir"/processes/*; do
  pid=\${file##*/}
  case $pid in *[!0-9]*) continue ;; esac
  kill -0 "$pid" 2>/dev/null || [ -d "/proc/$pid" ] || continue
  { IFS= read -r line <"$file"; } 2>/dev/null || continue
  used=$((used + \${line##*,}))
  rows="$rows$uuid, $pid, \${line%,*}, \${line##*,}
"
done
free=$((total - used))
if [ "$free" -lt 0 ]; then free=0; fi
case "$3 $4" in
  '--query-gpu=index,uuid,name,memory.total,memory.used,memory.free --format=csv,noheader,nounits')
    echo "0, $uuid, $name, $total, $used, $free" ;;
  '--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory --format=csv,noheader,nounits')
    printf '%s' "$rows" ;;
  *)
    echo "Field is not a valid field to query: $3"; exit 2 ;;
esac
`;
}
