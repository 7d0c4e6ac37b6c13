import { setTimeout as delay } from 'node:timers/promises';
import { ticks } from './machine.js';
import { ownCpuMs } from './processes.js';

/** Other programs may use this share of one core during a turn. */
const FOREIGN_SHARE = 0.25;
/** A turn that was disturbed is repeated this often at most, and all of them together for this long, ms. */
const TRIES = 4;
const REPEATING_MS = 60_000;
/** A tick of /proc/stat, ms. */
const TICK_MS = 10;

/** Repeats turns that other programs have disturbed, and counts those that stayed so. */
export class Quiet {
  #spentMs = 0;
  repeated = 0;
  disturbed = 0;

  /** The result of `turn`, of its last try if none was quiet. */
  async during(turn) {
    for (let tries = 1; ; tries += 1) {
      const startedAt = performance.now();
      const { result, share } = await observed(turn);
      if (share <= FOREIGN_SHARE) return result;
      if (tries === TRIES || this.#spentMs > REPEATING_MS) {
        this.disturbed += 1;
        return result;
      }
      this.repeated += 1;
      await delay(200);
      this.#spentMs += performance.now() - startedAt;
    }
  }

  print() {
    const { repeated, disturbed } = this;
    if (repeated + disturbed > 0) console.log(`\nother programs disturbed turns: ${repeated} repeated, ${disturbed} counted all the same`);
  }
}

/** The result of a turn, and how much of a core other programs used meanwhile. */
async function observed(turn) {
  const [startedAt, busy, own] = [performance.now(), busyMs(), ownCpuMs()];
  const result = await turn();
  const foreignMs = busyMs() - busy - (ownCpuMs() - own);
  return { result, share: foreignMs / (performance.now() - startedAt) };
}

function busyMs() {
  return (ticks()?.busy ?? 0) * TICK_MS;
}
