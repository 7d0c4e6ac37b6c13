import type { BrokerEvent } from './events.ts';

/** Head of the answer to those who watch. */
export const WATCH_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // nginx would keep the events back otherwise.
  'X-Accel-Buffering': 'no',
} as const;

/** After so long a browser that was cut comes back, ms. */
export const RETRY_FRAME = 'retry: 2000\n\n';

/** One event of the log. JSON has no line end outside its texts, and none unescaped inside them. */
export function eventFrame(event: BrokerEvent, boot: string): string {
  return `event: ${event.type}\nid: ${positionId(event.id, boot)}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** An event that is only for those who watch. `id`: where in the log they are with it; missing: where they were. */
export function watchFrame(name: 'snapshot' | 'reset' | 'bye', data: Readonly<Record<string, unknown>>, id?: string): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** A comment, which keeps the connection alive; its id tells one who watches rare types how far it has come: a block without data is no event. */
export function heartbeatFrame(id: string): string {
  return `: heartbeat\nid: ${id}\n\n`;
}

/** Where in the log of one run of the broker somebody is. */
export function positionId(eventId: number, boot: string): string {
  return `${boot}-${eventId}`;
}

/** The event that a `Last-Event-ID` means; null: it is of another run, or of no run. */
export function eventIdIn(position: string, boot: string): number | null {
  if (!position.startsWith(`${boot}-`)) return null;
  const digits = position.slice(boot.length + 1);
  return /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}
