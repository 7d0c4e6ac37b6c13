import { setTimeout as delay } from 'node:timers/promises';

const MIB = 2 ** 20;
const EVERY_MS = 1000;
const MINUTE_MS = 60_000;
/** Lines of the log before an error that are kept with it, exchanges apart. */
const CONTEXT = 20;

/** What a daemon under load holds, once a second. */
export class Samples {
  #isStopping = false;
  #running;
  all = [];
  /** Lines of the log that are errors, each with what was logged before it. */
  errors = [];
  #recent = [];

  start(daemon) {
    this.#running = this.#run(daemon);
  }

  async stop() {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(daemon) {
    const startedAt = performance.now();
    while (!this.#isStopping && daemon.isAlive) {
      const { rss, heapUsed, ...counts } = await daemon.probe('look');
      const at = (performance.now() - startedAt) / MINUTE_MS;
      this.all.push({ at, rss: rss / MIB, heap: heapUsed / MIB, ...counts, descriptors: daemon.descriptors() });
      // Taken each time, so that a long run does not fill the disk.
      for (const line of daemon.takeLog().split('\n')) this.#noteLine(line);
      await delay(EVERY_MS);
    }
  }

  #noteLine(line) {
    if (line.includes('"level":"error"')) this.errors.push({ line, before: [...this.#recent] });
    if (!line.includes('"message":"exchange"')) this.#recent = [...this.#recent.slice(1 - CONTEXT), line];
  }
}

/** Least squares over `[x, y]`: the slope, and how far off it may be by chance (its standard error). */
export function slope(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const spreadX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const value = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spreadX;
  const residual = points.reduce((sum, [x, y]) => sum + (y - meanY - value * (x - meanX)) ** 2, 0);
  return { value, error: Math.sqrt(residual / (points.length - 2) / spreadX) };
}
