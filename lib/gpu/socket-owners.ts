import type { Clock } from '../clock.ts';
import type { Proc, Stat } from './proc.ts';

/** A living process and what the kernel says of it. */
export interface Ancestor extends Stat {
  readonly pid: number;
}

/** What is known of a process that is looked at again and again. */
interface Known {
  readonly startTicks: string;
  readonly checked: Set<string>;
  readonly held: Set<string>;
}

/** Who holds a socket beside the likely processes. No pid: nobody that we see. `foundAt` is monotonic, ms. */
interface Found {
  readonly pids: readonly number[];
  readonly foundAt: number;
}

/** A process with those of the sought sockets that it holds. */
interface Holder {
  readonly pid: number;
  readonly held: readonly string[];
}

/**
 * Programs that hold the socket of somebody else: forwarders into containers and tunnels, and service managers with socket
 * activation. The kernel cuts names to 15 characters.
 */
const RELAYS = new Set([
  ...['docker-proxy', 'rootlessport', 'rootlesskit', 'conmon', 'pasta', 'pasta.avx2', 'passt', 'passt.avx2', 'slirp4netns'],
  ...['ssh', 'sshd', 'sshd-session', 'socat', 'systemd', 'systemd-socket-'],
]);
/** A search through every process that found nothing is not repeated before. */
const RETRY_MS = 30_000;
/** Processes looked at together in such a search. */
const BATCH = 16;

/**
 * Finds the processes that hold listening sockets. A socket keeps its inode for life and a process that does not hold it gets
 * it by being forked only, so each pair is looked up once.
 */
export class SocketOwners {
  readonly #proc: Proc;
  readonly #clock: Clock;
  #known = new Map<number, Known>();
  #elsewhere = new Map<string, Found>();

  constructor(proc: Proc, clock: Clock) {
    this.#proc = proc;
    this.#clock = clock;
  }

  /** The pids that hold each socket, `likely` processes first. No pid: the holder cannot be seen. */
  async find(inodes: ReadonlySet<string>, likely: readonly Ancestor[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const known = await Promise.all(likely.map(async (ancestor) => [ancestor.pid, await this.#look(ancestor, inodes)] as const));
    this.#known = new Map(known);
    const found = new Map([...inodes].map((inode) => [inode, likely.map(({ pid }) => pid).filter((pid) => this.#holds(pid, inode))]));
    await this.#searchElsewhere(inodes, new Set([...inodes].filter((inode) => found.get(inode)?.length === 0)));
    return new Map([...found].map(([inode, pids]) => [inode, [...pids, ...(this.#elsewhere.get(inode)?.pids ?? [])]]));
  }

  #holds(pid: number, inode: string): boolean {
    return this.#known.get(pid)?.held.has(inode) === true;
  }

  async #look(ancestor: Ancestor, inodes: ReadonlySet<string>): Promise<Known> {
    const { pid, startTicks, comm } = ancestor;
    const before = this.#known.get(pid);
    const known = before?.startTicks === startTicks ? before : { startTicks, checked: new Set<string>(), held: new Set<string>() };
    const unchecked = [...inodes].filter((inode) => !known.checked.has(inode));
    if (unchecked.length === 0 || RELAYS.has(comm)) return known;
    const sockets = await this.#proc.socketInodes(pid);
    for (const inode of sockets === null ? [] : unchecked) {
      known.checked.add(inode);
      if (sockets?.has(inode) === true) known.held.add(inode);
    }
    return known;
  }

  /** Looks through every process for sockets that no likely one holds, and remembers the answer while the socket lives. */
  async #searchElsewhere(inodes: ReadonlySet<string>, missing: ReadonlySet<string>): Promise<void> {
    const now = this.#clock.now();
    const isValid = ({ pids, foundAt }: Found): boolean => pids.length > 0 || now - foundAt < RETRY_MS;
    this.#elsewhere = new Map([...this.#elsewhere].filter(([inode, entry]) => inodes.has(inode) && isValid(entry)));
    const sought = new Set([...missing].filter((inode) => !this.#elsewhere.has(inode)));
    if (sought.size === 0) return;
    const holders = await this.#holdersOf(sought);
    for (const inode of sought) {
      const pids = holders.filter(({ held }) => held.includes(inode)).map(({ pid }) => pid);
      this.#elsewhere.set(inode, { pids, foundAt: now });
    }
  }

  async #holdersOf(sought: ReadonlySet<string>): Promise<readonly Holder[]> {
    const pids = await this.#proc.pids();
    const holders = [];
    for (let at = 0; at < pids.length; at += BATCH) {
      holders.push(...(await Promise.all(pids.slice(at, at + BATCH).map((pid) => this.#holder(pid, sought)))));
    }
    return holders.filter((holder) => holder !== null);
  }

  async #holder(pid: number, sought: ReadonlySet<string>): Promise<Holder | null> {
    const sockets = await this.#proc.socketInodes(pid);
    const held = [...sought].filter((inode) => sockets?.has(inode) === true);
    if (held.length === 0) return null;
    const stat = await this.#proc.stat(pid);
    return stat === null || RELAYS.has(stat.comm) ? null : { pid, held };
  }
}
