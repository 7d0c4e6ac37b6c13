import { setTimeout as delay } from 'node:timers/promises';

const MIB = 2 ** 20;
const EVERY_MS = 1000;
const MINUTE_MS = 60_000;

/** What a daemon under load holds, once a second. */
export class Samples {
  #isStopping = false;
  #running;
  all = [];
  /** Lines of the log that are errors. */
  errors = [];

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
      this.errors.push(...daemon.takeLog().split('\n').filter((line) => line.includes('"level":"error"')));
      await delay(EVERY_MS);
    }
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
