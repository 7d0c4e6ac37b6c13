import type { Clock } from '../clock.ts';
import { attribute } from '../core/attribution.ts';
import type { Listener, LocalConsumer, PlacedProcess } from '../core/attribution.ts';
import type { Attribution, GpuProcess } from '../core/model.ts';
import type { CardUse } from './nvidia-smi.ts';
import { Proc } from './proc.ts';
import type { ListeningSocket } from './proc.ts';
import { SocketOwners } from './socket-owners.ts';
import type { Ancestor } from './socket-owners.ts';

/** What attribution needs of a consumer. */
export interface AttributedConsumer {
  readonly name: string;
  readonly url: string;
  readonly systemd_unit?: string | undefined;
  /** Its last probe was answered. */
  readonly isAnswering?: boolean;
}

interface Placed {
  readonly placed: PlacedProcess;
  readonly ancestors: readonly Ancestor[];
}

/** Deeper than any chain of processes, so that a pid reused between two reads cannot lead in a circle. */
const MAX_LINEAGE = 32;
/** An empty list of processes is believed while the card holds no more than this: the driver and a small desktop. */
const IDLE_CARD_MIB = 512;
const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/;

/** Tells from `/proc` which consumer holds the memory of the card. */
export class Attributor {
  readonly #proc: Proc;
  readonly #owners: SocketOwners;

  constructor(clock: Clock, proc: Proc = new Proc()) {
    this.#proc = proc;
    this.#owners = new SocketOwners(proc, clock);
  }

  /** Attributes the use of the card to consumers. null: there is no /proc, or nvidia-smi does not see the processes. */
  async attribution(consumers: readonly AttributedConsumer[], use: CardUse): Promise<Attribution | null> {
    const sockets = await this.#proc.listeningSockets();
    if (sockets === null || (await this.#isBlind(use))) return null;
    const placed = await Promise.all(use.processes.map((process) => this.#place(process)));
    const local = consumers.flatMap((consumer) => localConsumer(consumer, sockets));
    const inodes = new Set(local.flatMap((consumer) => consumer.inodes));
    const pids = await this.#owners.find(inodes, unique(placed.flatMap(({ ancestors }) => ancestors)));
    const facts = local.map(({ name, unit, inodes: own, isAnswering }): LocalConsumer => ({ name, unit, listener: listenerOf(own, pids, isAnswering) }));
    return attribute({ consumers: facts, processes: placed.map((each) => each.placed) });
  }

  /** In a container the list can be empty although the card is full. */
  async #isBlind({ processes, usedMib }: CardUse): Promise<boolean> {
    return processes.length === 0 && (usedMib ?? 0) > IDLE_CARD_MIB && this.#proc.inPidNamespace();
  }

  async #place(process: GpuProcess): Promise<Placed> {
    const [ancestors, cgroups] = await Promise.all([this.#ancestors(process.pid), this.#proc.cgroups(process.pid)]);
    return { ancestors, placed: { process, lineage: ancestors.map(({ pid }) => pid), cgroups } };
  }

  /** The process itself and those above it, up to the service manager: that is everybody's ancestor and may hold sockets. */
  async #ancestors(pid: number): Promise<readonly Ancestor[]> {
    const ancestors: Ancestor[] = [];
    for (let next = pid; ancestors.length < MAX_LINEAGE; ) {
      const stat = await this.#proc.stat(next);
      if (stat === null || (next !== pid && (next === 1 || stat.comm === 'systemd'))) break;
      ancestors.push({ pid: next, ...stat });
      next = stat.ppid;
    }
    return ancestors;
  }
}

interface ConsumerSockets {
  readonly name: string;
  readonly unit: string | null;
  readonly inodes: readonly string[];
  readonly isAnswering: boolean;
}

/** Nothing for a consumer on another machine: it takes no part. */
function localConsumer(consumer: AttributedConsumer, sockets: readonly ListeningSocket[]): readonly ConsumerSockets[] {
  const { hostname, port, protocol } = new URL(consumer.url);
  if (!LOOPBACK_HOST.test(hostname)) return [];
  const portNumber = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const inodes = sockets.filter((socket) => socket.onLoopback && socket.port === portNumber).map(({ inode }) => inode);
  return [{ name: consumer.name, unit: consumer.systemd_unit ?? null, inodes, isAnswering: consumer.isAnswering ?? false }];
}

/** One that answers though no socket of ours listens is behind a packet filter, as containers are. */
function listenerOf(inodes: readonly string[], pids: ReadonlyMap<string, readonly number[]>, isAnswering: boolean): Listener {
  if (inodes.length === 0) return { state: isAnswering ? 'hidden' : 'closed' };
  const holders = inodes.flatMap((inode) => pids.get(inode) ?? []);
  return holders.length === 0 ? { state: 'hidden' } : { state: 'found', pids: holders };
}

function unique(ancestors: readonly Ancestor[]): readonly Ancestor[] {
  return [...new Map(ancestors.map((ancestor) => [ancestor.pid, ancestor])).values()];
}
