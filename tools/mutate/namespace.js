/** So many times as often as unchanged, and at least so often, a file may ask before it counts as endless. */
const MORE = 5;
const LEAST = 500_000;

/**
 * What the code in the sandbox finds under `__stryker__`. It asks there at each place of a change which one is on. So counting the questions tells a loop
 * without end, also one that only waits for what a change elsewhere has taken away; Stryker's own count sees nothing but the change itself, and its timeout
 * has to allow for the slowest of all files.
 */
export class Namespace {
  #mutant;
  #most;
  #asked = 0;

  /** `usual`: how often the file asks with nothing changed. `facts` are Stryker's own. */
  constructor({ mutant, usual = Number.POSITIVE_INFINITY, ...facts }) {
    this.#mutant = mutant;
    this.#most = Math.max(LEAST, MORE * usual);
    Object.assign(this, facts);
  }

  get activeMutant() {
    this.#asked += 1;
    if (this.isEndless) throw new Error('asked too often which change is on');
    return this.#mutant;
  }

  get asked() {
    return this.#asked;
  }

  get isEndless() {
    return this.#asked > this.#most;
  }
}
