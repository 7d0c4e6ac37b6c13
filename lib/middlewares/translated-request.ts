import type { Kind } from '../config/types.ts';
import { inMemory } from './body-collector.ts';
import type { TakenBody } from './taken-body.ts';
import type { Translation } from './translation.ts';

/** What the consumer is sent instead of the client's request, and how its answer goes back. */
export interface TranslatedRequest extends Translation {
  readonly kind: Kind;
  /** At the consumer, unless it is configured to have another path for this kind. */
  readonly path: string;
  readonly body: TakenBody;
}

/** Headers and body of a request in JSON. */
export function jsonRequest(document: unknown): Pick<TranslatedRequest, 'headers' | 'body'> {
  const bytes = Buffer.from(JSON.stringify(document));
  return { headers: { 'content-type': 'application/json', accept: '*/*' }, body: inMemory([bytes], bytes.length) };
}
