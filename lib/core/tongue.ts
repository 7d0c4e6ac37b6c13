import { clampS } from './retry-after.ts';

/** The form in which a client reads errors: the façade's own envelope, or that of an API which others have made. */
export type Tongue = 'facade' | 'openai' | 'anthropic' | 'ollama';

/** An error as every tongue says it. `fields` are further members that the catalogue lists for its code. */
export interface SpokenError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly consumer: string | undefined;
  readonly retryable: boolean;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly requestId: string | null;
}

/** What an OpenAI client takes `type` for: https://platform.openai.com/docs/guides/error-codes */
const OPENAI_TYPES: Readonly<Record<number, string>> = { 401: 'authentication_error', 403: 'permission_error', 429: 'rate_limit_error' };
/** https://docs.anthropic.com/en/api/errors */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** The body of an error in a tongue. */
export function errorBody(tongue: Tongue, error: SpokenError): Readonly<Record<string, unknown>> {
  const { code, message, retryable, fields } = error;
  const consumer = error.consumer === undefined ? {} : { consumer: error.consumer };
  const requestId = error.requestId === null ? {} : { request_id: error.requestId };
  switch (tongue) {
    case 'facade':
      return { error: code, message, ...consumer, retryable, ...fields };
    case 'openai':
      return { error: { message, type: openaiType(error.status), param: paramOf(error), code, ...consumer, retryable, ...fields, ...requestId } };
    case 'anthropic':
      // `details.error_code` is what the SDK shows as `errorCode`.
      return { type: 'error', error: { type: anthropicType(error.status), message, details: { error_code: code }, code, ...consumer, retryable, ...fields }, ...requestId };
    case 'ollama':
      // Its clients print `error` as it is: an object would be "[object Object]".
      return { error: message, code, ...consumer, retryable, ...fields };
  }
}

/** The parameter that is at fault, where it is one. */
function paramOf({ code, fields }: SpokenError): unknown {
  const { parameters } = fields;
  return Array.isArray(parameters) ? parameters[0] : code === 'model_not_found' ? 'model' : null;
}

function openaiType(status: number): string {
  return OPENAI_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
}

function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/**
 * Errors after which a client that tries again by itself only does harm: it would wait from the end of the queue, or make the
 * card do twice what took too long once, or find the same pause, or send the same wrong key.
 */
const NOT_BY_ITSELF: ReadonlySet<string> = new Set(['queue_timeout', 'deadline_unreachable', 'consumer_timeout', 'scheduler_error', 'paused', 'too_many_attempts']);

/** Headers that the SDKs of OpenAI and Anthropic obey. */
export function errorHeaders(tongue: Tongue, error: SpokenError, retryAfterS: number | undefined): Readonly<Record<string, string>> {
  if (tongue === 'facade') return {};
  const again = error.retryable && !NOT_BY_ITSELF.has(error.code);
  return {
    'x-should-retry': String(again),
    ...(retryAfterS === undefined ? {} : { 'retry-after-ms': String(clampS(retryAfterS) * 1000) }),
    ...(tongue === 'anthropic' && error.requestId !== null ? { 'request-id': error.requestId } : {}),
  };
}

/** The tongue of a path at a consumer's own server. */
export function tongueOfPath(path: string, isOllama: boolean): Tongue {
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return 'anthropic';
  if (path.startsWith('/v1/')) return 'openai';
  return isOllama && path.startsWith('/api/') ? 'ollama' : 'facade';
}
