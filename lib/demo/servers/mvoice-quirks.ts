import type { Quirk, Resolved } from './quirks.ts';

/** mVoice's peculiar ways. */
export const MVOICE_QUIRKS = {
  works_on: { on: true, what: 'Work goes on to its end though its client has left; off: it is given up.' },
  starts_loaded: { on: true, what: 'It listens once its models are loaded, or found no room; off: it starts without them.' },
  loads_itself: { on: true, what: 'Work loads the models when they are not there; off: it is answered 503 then.' },
  keeps_context: { on: true, what: 'A process without models still holds 9 MiB for its CUDA context.' },
} as const satisfies Record<string, Quirk>;

/** Which of them are on. */
export type MvoiceQuirks = Resolved<typeof MVOICE_QUIRKS>;
