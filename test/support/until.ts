import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks at a fact that nothing announces. */
const LOOK_AGAIN_MS = 5;

/** Resolves when `fact` is true; rejects after `limitMs`. For facts outside the process, which no event announces. */
export async function until(fact: () => boolean, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!fact()) {
    if (performance.now() > deadline) throw new Error(`not true within ${limitMs} ms: ${fact}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** The same for a fact that has to be asked for. */
export async function untilAsked(fact: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`not true within ${limitMs} ms: ${fact}`);
    await sleep(LOOK_AGAIN_MS);
  }
}
