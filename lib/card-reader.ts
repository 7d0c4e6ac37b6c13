import type { Clock } from './clock.ts';
import type { ConsumerState } from './consumers/consumer-state.ts';
import type { Registry } from './consumers/registry.ts';
import { NvidiaSmi } from './gpu/nvidia-smi.ts';
import { Attributor } from './gpu/processes.ts';
import type { AttributedConsumer } from './gpu/processes.ts';

/** Which card, and where its reader looks for nvidia-smi. */
export interface CardOptions {
  readonly device: number;
  /** Default: this process's own. */
  readonly env: NodeJS.ProcessEnv | undefined;
}

/** What reads the card, and says which consumer has how much of it. */
export function cardReader({ device, env }: CardOptions, { clock, registry }: { readonly clock: Clock; readonly registry: Registry }): NvidiaSmi {
  const attributor = new Attributor(clock);
  return new NvidiaSmi({
    device,
    clock,
    attribute: (use) => attributor.attribution(registry.everyone().map(attributed), use),
    ...(env === undefined ? {} : { env }),
  });
}

function attributed({ name, config, health }: ConsumerState): AttributedConsumer {
  return { name, url: config.url, systemd_unit: config.systemd_unit, isAnswering: health.state === 'healthy' };
}
