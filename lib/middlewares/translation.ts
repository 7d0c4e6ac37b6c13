import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { ModelRoute } from '../config/types.ts';
import type { TranslatedOperation } from '../core/translations.ts';

/** A request whose consumer has no such path: it is translated into the consumer's own, and so is its answer. */
export interface Translator {
  readonly operation: TranslatedOperation;
  /** The model's settings, which have not been applied to the body: the translation does that; null: it has none. */
  readonly model: ModelRoute | null;
}

/** What a translated request needs on its way to the consumer and back. */
export interface Translation {
  /** Headers for the consumer that take the place of the client's. */
  readonly headers: Readonly<Record<string, string>>;
  /** The consumer is needed until the client has been answered, and so is the lease. */
  readonly holdsLease: boolean;
  /**
   * Answers the client out of the consumer's answer, which it begins to read in the same turn. Rejects with what the client is to be
   * told, or with CLIENT_LEFT; if the answer has begun, it cannot be ended well.
   */
  answer(from: IncomingMessage, res: Response): Promise<void>;
}
