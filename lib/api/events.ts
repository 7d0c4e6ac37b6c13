import type { Request, Response } from 'express';
import { WATCH_HEADERS } from '../core/event-stream-format.ts';
import { EVENT_TYPES, isEventType } from '../core/event-types.ts';
import type { EventType } from '../core/events.ts';
import { statusReport } from '../core/status.ts';
import { BrokerError } from '../errors.ts';
import type { ApiServices } from './services.ts';

/** `GET /v1/events`: how things are, and then what happens, as a stream. `?types=a,b`: only events of these types. */
export function events({ status, queue, watchers }: Pick<ApiServices, 'status' | 'queue' | 'watchers'>) {
  return (req: Request, res: Response): void => {
    const types = typesAsked(req.query['types']);
    if (req.method === 'HEAD') {
      res.writeHead(200, WATCH_HEADERS).end();
      return;
    }
    const snapshot = (): Record<string, unknown> => ({ status: statusReport(status()), queue: queue.report() });
    watchers.watch(res, { types, lastEventId: lastEventIdOf(req), snapshot });
  };
}

function typesAsked(value: unknown): ReadonlySet<EventType> | null {
  if (value === undefined) return null;
  const names = typeof value === 'string' ? value.split(',') : [];
  const types = names.filter(isEventType);
  if (types.length > 0 && types.length === names.length) return new Set(types);
  const unknown = names.find((name) => !isEventType(name));
  const fault = unknown === undefined ? 'say types once' : `${JSON.stringify(unknown)} is no type of event`;
  throw new BrokerError('badRequest', `${fault}; there are ${EVENT_TYPES.join(', ')}`);
}

/** A browser sends the header when it comes back, with the URL that it began with, so the header is the newer one. */
function lastEventIdOf(req: Request): string | null {
  const asked = req.get('last-event-id') ?? req.query['last_event_id'];
  return typeof asked === 'string' && asked !== '' ? asked : null;
}
