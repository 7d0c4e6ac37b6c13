import { networkOf } from './network.ts';

/** Wrong keys of one peer within WINDOW_MS, after which it is refused without a look. */
const MOST = 10;
const WINDOW_MS = 60_000;
/** Peers that are remembered; those whose last wrong key is the oldest are forgotten first. */
const MOST_PEERS = 1024;

/** Counts wrong keys by peer (IPv6 by /64), so that nobody can try many. Times in ms, monotonic. */
export class WrongKeys {
  readonly #times = new Map<string, readonly number[]>();

  /** How long a peer's keys are not looked at, ms; 0: they are. */
  waitMs(address: string, now: number): number {
    const times = this.#recent(networkOf(address), now);
    const first = times.at(-MOST);
    return first === undefined ? 0 : first + WINDOW_MS - now;
  }

  /** Notes a wrong one. Returns whether it was one too many. */
  note(address: string, now: number): boolean {
    const peer = networkOf(address);
    const times = [...this.#recent(peer, now), now];
    this.#times.delete(peer);
    this.#times.set(peer, times);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MOST_PEERS && oldest !== undefined) this.#times.delete(oldest);
    return times.length === MOST;
  }

  /** Peers that are remembered. */
  get size(): number {
    return this.#times.size;
  }

  #recent(peer: string, now: number): readonly number[] {
    return (this.#times.get(peer) ?? []).filter((at) => at > now - WINDOW_MS);
  }
}
