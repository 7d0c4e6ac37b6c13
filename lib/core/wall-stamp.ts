/** Writes wall-clock times out. Many things happen in one millisecond, and to write a time out costs more than to note what happened. */
export class WallStamp {
  #ms = Number.NaN;
  #text = '';

  /** ISO 8601. */
  of(time: Date): string {
    if (time.getTime() !== this.#ms) {
      this.#ms = time.getTime();
      this.#text = time.toISOString();
    }
    return this.#text;
  }
}
