import type { Quirk, Resolved } from './quirks.ts';

/** whisper-server's peculiar ways; all were seen at the real one. */
export const WHISPER_QUIRKS = {
  loads_before_bind: { on: true, what: 'The port opens when the model is loaded; off: at once, and /health is 404 until then.' },
  rewrites_errors: { on: true, what: 'A 400 is the text Invalid request, and any other error but 500 the text File Not Found (path), under 404.' },
  sticky_404: { on: true, what: 'After a /load that was refused /health stays 404 until one succeeds, while /inference works.' },
  exits_on_a_bad_model: { on: true, what: 'A model that cannot be loaded, or does not fit, ends the process; off: /load is 500 and no model is left.' },
  pool_of_eight: { on: true, what: 'A request of any kind needs one of eight threads, so that /health hangs while eight are in flight.' },
  abandoned_take_their_turn: { on: true, what: 'A request that waits is worked on though its client has left; off: it is skipped.' },
  deaf_at_first: { on: true, what: 'A client that leaves is noticed only after the first part of the work.' },
  waits_for_a_length: { on: true, what: 'A POST with neither Content-Length nor chunks hangs until the client closes; off: it is an empty body.' },
  openai_path: { on: false, what: 'Started with --inference-path /v1/audio/transcriptions.' },
} as const satisfies Record<string, Quirk>;

/** Which of them are on. */
export type WhisperQuirks = Resolved<typeof WHISPER_QUIRKS>;
