import { readFile, readdir, readlink } from 'node:fs/promises';

/** The pid namespace of the machine itself has a fixed number: PROC_PID_INIT_INO in linux/proc_ns.h. */
const HOST_PID_NAMESPACE = 'pid:[4026531836]';

/** A TCP socket of this machine that waits for connections. */
export interface ListeningSocket {
  readonly port: number;
  /** Reachable under a loopback address: bound to one, or to every address. */
  readonly onLoopback: boolean;
  readonly inode: string;
}

/** What `/proc/PID/stat` says of a process. */
export interface Stat {
  readonly comm: string;
  readonly ppid: number;
  /** Start of the process in ticks since boot: with the pid it names one process for good. */
  readonly startTicks: string;
}

/** Reads what the kernel says of processes and sockets. Linux only; `root` is `/proc`. */
export class Proc {
  readonly #root: string;

  constructor(root = '/proc') {
    this.#root = root;
  }

  /** Every listening TCP socket of our network namespace; null: there is no /proc. */
  async listeningSockets(): Promise<readonly ListeningSocket[] | null> {
    // Without IPv6 the second table is missing.
    const [tcp, tcp6] = await Promise.all([this.#read('net/tcp'), this.#read('net/tcp6')]);
    return tcp === null ? null : [...parseSockets(tcp), ...parseSockets(tcp6 ?? '')];
  }

  /** null: no such process here. */
  async stat(pid: number): Promise<Stat | null> {
    const text = await this.#read(`${pid}/stat`);
    return text === null ? null : parseStat(text);
  }

  /** Segments of the process's cgroup paths. Empty: no such process, or it may not be seen. */
  async cgroups(pid: number): Promise<readonly string[]> {
    const text = await this.#read(`${pid}/cgroup`);
    return text === null ? [] : parseCgroups(text);
  }

  /** Inodes of the process's sockets; null: no such process, or it belongs to somebody else. */
  async socketInodes(pid: number): Promise<ReadonlySet<string> | null> {
    const folder = `${this.#root}/${pid}/fd`;
    const names = await readdir(folder).catch(() => null);
    if (names === null) return null;
    const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
    return new Set(targets.filter((target) => target.startsWith('socket:[')).map((target) => target.slice(8, -1)));
  }

  /** Every process that we see. */
  async pids(): Promise<readonly number[]> {
    const names = await readdir(this.#root).catch(() => []);
    return names.filter((name) => /^\d+$/.test(name)).map(Number);
  }

  /** Whether we live in a container with pids of its own, where nvidia-smi shows no process or speaks of other pids. */
  async inPidNamespace(): Promise<boolean> {
    const namespace = await readlink(`${this.#root}/self/ns/pid`).catch(() => HOST_PID_NAMESPACE);
    return namespace !== HOST_PID_NAMESPACE;
  }

  #read(path: string): Promise<string | null> {
    return readFile(`${this.#root}/${path}`, 'utf8').catch(() => null);
  }
}

const LISTEN = '0A';
/** 127/8, any, ::1, any and ::ffff:127/8 as /proc/net writes them on a little-endian machine. */
const LOOPBACK = /^([0-9A-F]{6}7F|0{8}|0{24}01000000|0{32}|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** Reads `/proc/net/tcp` or `tcp6`. */
export function parseSockets(text: string): readonly ListeningSocket[] {
  const rows = text.split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  return rows.filter((row) => row[3] === LISTEN).map((row) => {
    const [address = '', port = ''] = (row[1] ?? '').split(':');
    return { port: Number.parseInt(port, 16), onLoopback: LOOPBACK.test(address), inode: row[9] ?? '' };
  });
}

/** Reads `/proc/PID/stat`. The name is in parentheses and may itself hold blanks and parentheses. */
export function parseStat(text: string): Stat | null {
  const match = /^\d+ \((.*)\) \S (\d+) (?:\S+ ){17}(\d+) /s.exec(text);
  const [, comm, ppid, startTicks] = match ?? [];
  if (comm === undefined || ppid === undefined || startTicks === undefined) return null;
  return { comm, ppid: Number(ppid), startTicks };
}

/** Reads `/proc/PID/cgroup`: `0::/user.slice/…/whisper.service`, in cgroup v1 one line for each hierarchy. */
export function parseCgroups(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => line.split(':').slice(2).join(':').split('/')).filter((segment) => segment !== '');
}
