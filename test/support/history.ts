import type { FakeConsumer } from './fake-consumer.ts';
import type { LogLine } from './fake-logger.ts';

/** What a run left behind. */
export interface History {
  readonly lines: readonly LogLine[];
  readonly fakes: readonly FakeConsumer[];
  readonly concurrency: number;
}

/**
 * Checks a whole run: never more leases than allowed, each granted once and ended once, no work at a consumer without a
 * lease, and nothing left when it is over. Throws what is wrong.
 */
export function checkHistory({ lines, fakes, concurrency }: History): void {
  const held = new Set<string>();
  const ever = new Set<string>();
  for (const { message, fields } of lines) {
    const id = String(fields?.['id']);
    if (message === 'lease granted') {
      if (held.has(id)) throw new Error(`history: lease ${id} was granted twice`);
      held.add(id);
      ever.add(id);
      if (held.size > concurrency) throw new Error(`history: ${held.size} leases at once: ${[...held].join(', ')}`);
    } else if (message === 'lease by hand used') {
      ever.add(id);
    } else if (message === 'lease ended' && !held.delete(id)) {
      throw new Error(`history: lease ${id} ended without being held`);
    } else if (message === 'unforeseen error') {
      throw new Error(`history: a bug was logged: ${String(fields?.['error'])}`);
    }
  }
  if (held.size > 0) throw new Error(`history: leases that never ended: ${[...held].join(', ')}`);
  for (const fake of fakes) checkWork(fake, ever);
}

function checkWork(fake: FakeConsumer, ever: ReadonlySet<string>): void {
  for (const job of fake.jobs) {
    const id = String(job.headers['x-request-id']);
    if (!ever.has(id)) throw new Error(`history: ${job.method} ${job.path} reached a consumer without a lease (${id})`);
  }
  if (fake.active > 0) throw new Error(`history: ${fake.active} jobs still run`);
}
