import { systemClock } from '../../lib/clock.ts';
import { NvidiaSmi } from '../../lib/gpu/nvidia-smi.ts';
import type { NvidiaSmiOptions } from '../../lib/gpu/nvidia-smi.ts';
import { Sampler } from '../../lib/gpu/sampler.ts';
import type { FakeCard } from './fake-card.ts';
import { FakeLogger } from './fake-logger.ts';

/** A reader of a simulated card that attributes nothing. */
export function readerOf(card: FakeCard, options: Partial<NvidiaSmiOptions> = {}): NvidiaSmi {
  return new NvidiaSmi({ device: 0, clock: systemClock, attribute: async () => null, env: card.env, ...options });
}

export interface TestSampler {
  readonly sampler: Sampler;
  readonly logger: FakeLogger;
}

/** A sampler that polls through `reader`. */
export function samplerOf(reader: NvidiaSmi, pollMs = 10): TestSampler {
  const logger = new FakeLogger();
  return { sampler: new Sampler({ reader, clock: systemClock, logger, pollInterval: () => pollMs }), logger };
}
