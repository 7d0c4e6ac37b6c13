/** What an error of the broker's own looks like on the wire. */
export interface ErrorKind {
  readonly status: number;
  readonly error: string;
  readonly retryable: boolean;
}

/** Every error that a client can get from us. `docs/errors.md` says the same; a test holds them together. */
export const ERRORS = {
  badRequest: { status: 400, error: 'bad_request', retryable: false },
  unsupportedParameter: { status: 400, error: 'unsupported_parameter', retryable: false },
  unauthorized: { status: 401, error: 'unauthorized', retryable: false },
  forbidden: { status: 403, error: 'forbidden', retryable: false },
  notFound: { status: 404, error: 'not_found', retryable: false },
  modelNotFound: { status: 404, error: 'model_not_found', retryable: false },
  notInQueue: { status: 404, error: 'not_in_queue', retryable: false },
  noAudioProxy: { status: 404, error: 'no_audio_proxy', retryable: false },
  unknownConsumer: { status: 404, error: 'unknown_consumer', retryable: false },
  methodNotAllowed: { status: 405, error: 'method_not_allowed', retryable: false },
  requestTimeout: { status: 408, error: 'request_timeout', retryable: true },
  leaseMismatch: { status: 409, error: 'lease_mismatch', retryable: false },
  noHook: { status: 409, error: 'no_hook', retryable: false },
  leaseExpired: { status: 410, error: 'lease_expired', retryable: false },
  payloadTooLarge: { status: 413, error: 'payload_too_large', retryable: false },
  misdirectedRequest: { status: 421, error: 'misdirected_request', retryable: false },
  upgradeRefused: { status: 426, error: 'upgrade_refused', retryable: false },
  tooManyAttempts: { status: 429, error: 'too_many_attempts', retryable: true },
  queueFull: { status: 429, error: 'queue_full', retryable: true },
  queueShareFull: { status: 429, error: 'queue_share_full', retryable: true },
  deadlineUnreachable: { status: 429, error: 'deadline_unreachable', retryable: true },
  headersTooLarge: { status: 431, error: 'headers_too_large', retryable: false },
  schedulerError: { status: 500, error: 'scheduler_error', retryable: true },
  noConsumer: { status: 501, error: 'no_consumer', retryable: false },
  historyOff: { status: 501, error: 'history_off', retryable: false },
  consumerError: { status: 502, error: 'consumer_error', retryable: true },
  consumerBroke: { status: 502, error: 'consumer_unreachable', retryable: true },
  loadFailed: { status: 502, error: 'load_failed', retryable: true },
  consumerDown: { status: 503, error: 'consumer_unreachable', retryable: true },
  queueTimeout: { status: 503, error: 'queue_timeout', retryable: true },
  insufficientVram: { status: 503, error: 'insufficient_vram', retryable: true },
  evictionFailed: { status: 503, error: 'eviction_failed', retryable: true },
  cancelled: { status: 503, error: 'cancelled', retryable: false },
  historyUnavailable: { status: 503, error: 'history_unavailable', retryable: true },
  overloaded: { status: 503, error: 'overloaded', retryable: true },
  paused: { status: 503, error: 'paused', retryable: true },
  shuttingDown: { status: 503, error: 'shutting_down', retryable: true },
  consumerTimeout: { status: 504, error: 'consumer_timeout', retryable: true },
  cannotFit: { status: 507, error: 'insufficient_vram', retryable: false },
} as const satisfies Record<string, ErrorKind>;

export type ErrorName = keyof typeof ERRORS;

/** What an error may carry beside its kind and its message. */
export interface ErrorDetails {
  /** The consumer that is meant. */
  readonly consumer?: string;
  /** The consumer's own status, where that is what the client gets instead of the catalogue's. */
  readonly status?: number;
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number;
  /** Methods for `Allow`. */
  readonly allow?: readonly string[];
  /** Further members of the envelope, only those that CONTRACT lists for the code. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** For the log only; a client never sees it. */
  readonly cause?: unknown;
}

/** An error with a place in the catalogue. Its message is meant for clients: no address, no stack, no key. */
export class BrokerError extends Error {
  readonly kind: ErrorKind;
  readonly details: ErrorDetails;

  constructor(name: ErrorName, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'BrokerError';
    this.kind = details.status === undefined ? ERRORS[name] : { ...ERRORS[name], status: details.status, retryable: mayPass(details.status) };
    this.details = details;
  }
}

/** Whether the same request may have another status later. */
function mayPass(status: number): boolean {
  return status >= 500 || status === 429;
}

/** What a stage ends with when the client is gone: nobody is there to be told, so nothing is sent. */
export const CLIENT_LEFT: unique symbol = Symbol('the client left');
