import type { Quirk, Resolved } from './quirks.ts';

/** ComfyUI's peculiar ways; as in the newest version unless told otherwise. */
export const COMFYUI_QUIRKS = {
  origin_check: { on: true, what: 'On loopback an Origin that is not the Host gets an empty 403.' },
  client_id_trap: { on: true, what: 'A socket that closes takes the newer one with the same clientId out of the list: that one hears nothing more.' },
  progress_to_all: { on: false, what: 'Progress and previews of a prompt without client_id go to everybody (older versions).' },
  previews: { on: true, what: 'Each sampler step sends a preview, a binary message, to the owner of the prompt.' },
  client_prompt_id: { on: true, what: 'A client may choose the prompt_id, a UUID in lower case; off: it is ignored (before late 2025).' },
  interrupt_by_id: { on: true, what: '/interrupt with a prompt_id stops only that prompt; off: whatever runs (before 2025).' },
  jobs_api: { on: true, what: '/api/jobs lists jobs, /api/jobs/ID shows one, /api/jobs/ID/cancel and /api/jobs/cancel cancel them.' },
  caches: { on: true, what: 'The workflow that ran last, once more, is done at once and without the card.' },
  stalls_while_loading: { on: false, what: 'No request is answered while a model loads, as the loader holds the interpreter lock.' },
  free_ignored: { on: false, what: '/free answers 200 and frees nothing (--highvram).' },
  leaks: { on: false, what: 'Each unload leaves 1500 MiB behind, which only the end of the process frees.' },
} as const satisfies Record<string, Quirk>;

/** Which of them are on. */
export type ComfyuiQuirks = Resolved<typeof COMFYUI_QUIRKS>;
