import { itemsOf, memberOf, textOf } from '../config/tree.ts';
import { readQueue, type QueueDocument } from './queue-document.ts';
import { readStatus, type StatusDocument } from './status-document.ts';

/** How the daemon is heard: by its events, by asking again and again, or not at all. */
export type Link = { readonly state: 'live' | 'polling' } | { readonly state: 'lost'; readonly message: string };

/** All that `top` shows. */
export interface Picture {
  readonly link: Link;
  /** null: not seen yet. */
  readonly status: StatusDocument | null;
  /** null: not seen yet, or this daemon does not list it. */
  readonly queue: QueueDocument | null;
  /** When the queue was seen: what waits has waited so much longer since. */
  readonly queueSeenAt: Date | null;
  /** The newest unloadings that have ended, the newest first, as events. */
  readonly evictions: readonly unknown[];
}

/** No terminal has more lines to spare for them. */
const KEPT_EVICTIONS = 50;

export const NO_PICTURE: Picture = { link: { state: 'polling' }, status: null, queue: null, queueSeenAt: null, evictions: [] };

/** With what `GET /v1/status` or a snapshot said. */
export function withStatus(picture: Picture, body: unknown): Picture {
  return { ...picture, status: readStatus(body) ?? picture.status };
}

/** With what `GET /v1/queue` or a snapshot said. */
export function withQueue(picture: Picture, body: unknown, now: Date): Picture {
  const queue = readQueue(body);
  return queue === null ? picture : { ...picture, queue, queueSeenAt: now };
}

/** With an event, if it is one that is shown by itself. */
export function withEvent(picture: Picture, event: unknown): Picture {
  if (textOf(event, 'type') !== 'unloaded') return picture;
  return { ...picture, evictions: [event, ...picture.evictions].slice(0, KEPT_EVICTIONS) };
}

/** With all that a snapshot holds: its events replace those that were known. */
export function withSnapshot(picture: Picture, snapshot: unknown, now: Date): Picture {
  const bare = { ...picture, link: { state: 'live' } as const, evictions: [] };
  const events = itemsOf(memberOf(snapshot, 'events')).reduce<Picture>(withEvent, bare);
  return withQueue(withStatus(events, memberOf(snapshot, 'status')), memberOf(snapshot, 'queue'), now);
}
