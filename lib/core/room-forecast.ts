import type { Work } from './gating.ts';
import { AT_ONCE, inTurn } from './pace.ts';
import type { Expected, Unknown } from './pace.ts';

/** What is known of one consumer, for a forecast. `no history`: it has not happened yet, or not often enough. */
export interface ConsumerTimes {
  readonly run: Expected | Unknown;
  /** null: it has no load hook, so that it loads while it runs. */
  readonly load: Expected | Unknown | null;
  /** From its unload hook until its memory is free. */
  readonly unload: Expected | Unknown;
  readonly isResident: boolean;
  /** Whom the plan unloads for it as things stand. */
  readonly evicts: readonly string[];
}

/** The memory of the card as it will be at each turn of a forecast: who was unloaded for another comes back at that one's cost. */
export class RoomForecast {
  readonly #consumers: ReadonlyMap<string, ConsumerTimes>;
  readonly #ready = new Set<string>();
  /** Who has the place of one that was unloaded; null: nobody. */
  readonly #unloadedFor = new Map<string, string | null>();

  constructor(consumers: ReadonlyMap<string, ConsumerTimes>) {
    this.#consumers = consumers;
    for (const [name, { isResident, evicts }] of consumers) if (isResident && evicts.length === 0) this.#ready.add(name);
  }

  /** Gives the next one its room; returns how long that takes. */
  take({ consumer, work }: { readonly consumer: string; readonly work: Work }): Expected | Unknown {
    if (work === 'unload') return this.#unload(consumer);
    if (this.#ready.has(consumer)) return AT_ONCE;
    const times = this.#consumers.get(consumer);
    if (times === undefined) return 'no history';
    const needsLoad = !times.isResident || this.#unloadedFor.has(consumer);
    const inTheWay = this.#inTheWayOf(consumer, times);
    const unloading = inTheWay.map((other) => this.#unload(other));
    // Also one of them that had been unloaded already cannot come back beside it.
    for (const other of [...times.evicts, ...inTheWay]) this.#unloadedFor.set(other, consumer);
    this.#ready.add(consumer);
    return total(needsLoad && times.load !== null ? [...unloading, times.load] : unloading);
  }

  /** Once it has been unloaded for another, that one is in its way. */
  #inTheWayOf(consumer: string, { evicts }: ConsumerTimes): readonly string[] {
    const usurper = this.#unloadedFor.get(consumer);
    if (usurper !== undefined) return usurper !== null && this.#ready.has(usurper) ? [usurper] : [];
    return evicts.filter((other) => !this.#unloadedFor.has(other) || this.#ready.has(other));
  }

  #unload(name: string): Expected | Unknown {
    this.#ready.delete(name);
    this.#unloadedFor.set(name, null);
    return this.#consumers.get(name)?.unload ?? 'no history';
  }
}

function total(parts: readonly (Expected | Unknown)[]): Expected | Unknown {
  return parts.reduce<Expected | Unknown>((sum, part) => (typeof sum === 'string' ? sum : typeof part === 'string' ? part : inTurn(sum, part)), AT_ONCE);
}
