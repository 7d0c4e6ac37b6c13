import { percentile } from './statistics.js';

/**
 * Cancels `count` waiters picked at random, one at a time, with all promises that this settles; a new waiter takes the place
 * of each, so that there are always as many. Times in µs.
 */
export async function cancelSome(waiters, { count, cancel, add }) {
  const times = [];
  for (let done = 0; done < count; done += 1) {
    const index = Math.floor(Math.random() * waiters.length);
    const waiter = waiters[index];
    const startedAt = performance.now();
    await cancel(waiter);
    times.push((performance.now() - startedAt) * 1000);
    waiters[index] = add();
  }
  return { mean: times.reduce((sum, each) => sum + each, 0) / count, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}
