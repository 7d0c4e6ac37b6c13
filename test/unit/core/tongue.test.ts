import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { errorBody, errorHeaders, tongueOfPath } from '../../../lib/core/tongue.ts';
import type { SpokenError, Tongue } from '../../../lib/core/tongue.ts';
import { ERRORS } from '../../../lib/errors.ts';

const MESSAGE = 'no room on the card';

/** An error of ours; what a test does not say is as it mostly is. */
function spoken(facts: Partial<SpokenError> = {}): SpokenError {
  return { status: 503, code: 'queue_timeout', message: MESSAGE, consumer: undefined, retryable: true, fields: {}, requestId: null, ...facts };
}

/** Every error of the catalogue. */
const CATALOGUE = Object.values(ERRORS).map(({ status, error, retryable }) => spoken({ status, code: error, retryable, consumer: 'ollama', requestId: 'req-1' }));

/** A server that always answers with this error, and how often it was asked. */
class Refusing {
  asked = 0;
  readonly #tongue: Tongue;
  readonly #error: SpokenError;

  constructor(tongue: Tongue, error: SpokenError) {
    this.#tongue = tongue;
    this.#error = error;
  }

  readonly fetch = async (): Promise<Response> => {
    this.asked += 1;
    const headers = { 'Content-Type': 'application/json; charset=utf-8', 'X-Request-Id': 'req-1', ...errorHeaders(this.#tongue, this.#error, undefined) };
    return new Response(JSON.stringify(errorBody(this.#tongue, this.#error)), { status: this.#error.status, headers });
  };
}

/** What a client throws. */
function thrownBy(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => null,
    (error: unknown) => error,
  );
}

function openaiError(server: Refusing, maxRetries = 0): Promise<unknown> {
  return thrownBy(new OpenAI({ apiKey: 'none', baseURL: 'http://broker.invalid/v1', fetch: server.fetch, maxRetries }).models.list());
}

function anthropicError(server: Refusing, maxRetries = 0): Promise<unknown> {
  return thrownBy(new Anthropic({ apiKey: 'none', baseURL: 'http://broker.invalid', fetch: server.fetch, maxRetries }).models.list());
}

describe('the clients read every error of the catalogue:', () => {
  test.each(CATALOGUE)("OpenAI's $status $code", async (error) => {
    const thrown = await openaiError(new Refusing('openai', error));
    if (!(thrown instanceof OpenAI.APIError)) throw new Error(`not an APIError: ${String(thrown)}`);
    const { status, code } = error;
    expect(thrown).toMatchObject({ status, code, message: `${status} ${MESSAGE}`, type: expect.stringMatching(/_error$/), requestID: 'req-1' });
    expect(thrown.error).toMatchObject({ consumer: 'ollama', retryable: error.retryable, request_id: 'req-1' });
  });

  test.each(CATALOGUE)("Anthropic's $status $code", async (error) => {
    const thrown = await anthropicError(new Refusing('anthropic', error));
    if (!(thrown instanceof Anthropic.APIError)) throw new Error(`not an APIError: ${String(thrown)}`);
    expect(thrown).toMatchObject({ status: error.status, apiMessage: MESSAGE, type: expect.stringMatching(/_error$|_too_large$/), requestID: 'req-1' });
    expect(thrown.error).toMatchObject({ type: 'error', error: { code: error.code, consumer: 'ollama', retryable: error.retryable }, request_id: 'req-1' });
  });

  test.each(CATALOGUE)("Ollama's $status $code", async (error) => {
    const thrown = await thrownBy(new Ollama({ host: 'http://broker.invalid', fetch: new Refusing('ollama', error).fetch }).list());
    expect(thrown).toMatchObject({ name: 'ResponseError', status_code: error.status, message: MESSAGE, error: MESSAGE });
  });
});

describe('an error has the type that its status stands for', () => {
  test.each([
    [400, { openai: 'invalid_request_error', anthropic: 'invalid_request_error' }, OpenAI.BadRequestError],
    [401, { openai: 'authentication_error', anthropic: 'authentication_error' }, OpenAI.AuthenticationError],
    [403, { openai: 'permission_error', anthropic: 'permission_error' }, OpenAI.PermissionDeniedError],
    [404, { openai: 'invalid_request_error', anthropic: 'not_found_error' }, OpenAI.NotFoundError],
    [413, { openai: 'invalid_request_error', anthropic: 'request_too_large' }, OpenAI.APIError],
    [429, { openai: 'rate_limit_error', anthropic: 'rate_limit_error' }, OpenAI.RateLimitError],
    [500, { openai: 'server_error', anthropic: 'api_error' }, OpenAI.InternalServerError],
    [503, { openai: 'server_error', anthropic: 'overloaded_error' }, OpenAI.InternalServerError],
    [504, { openai: 'server_error', anthropic: 'api_error' }, OpenAI.InternalServerError],
  ])('%i: %j', async (status, { openai, anthropic }, errorClass) => {
    const thrown = await openaiError(new Refusing('openai', spoken({ status })));
    expect(thrown).toBeInstanceOf(errorClass);
    expect(thrown).toMatchObject({ type: openai });
    expect(errorBody('anthropic', spoken({ status }))).toMatchObject({ error: { type: anthropic } });
  });
});

describe('the body', () => {
  const error = spoken({ status: 429, code: 'deadline_unreachable', consumer: 'a', fields: { estimate_s: 9 }, requestId: 'r' });
  const members = { message: MESSAGE, code: 'deadline_unreachable', consumer: 'a', retryable: true, estimate_s: 9 };

  test.each<readonly [Tongue, object]>([
    ['facade', { error: 'deadline_unreachable', message: MESSAGE, consumer: 'a', retryable: true, estimate_s: 9 }],
    ['openai', { error: { type: 'rate_limit_error', param: null, ...members, request_id: 'r' } }],
    ['anthropic', { type: 'error', error: { type: 'rate_limit_error', details: { error_code: 'deadline_unreachable' }, ...members }, request_id: 'r' }],
    ['ollama', { error: MESSAGE, code: 'deadline_unreachable', consumer: 'a', retryable: true, estimate_s: 9 }],
  ])('in the tongue %s is of its form', (tongue, body) => {
    expect(errorBody(tongue, error)).toEqual(body);
  });

  test.each<Tongue>(['facade', 'openai', 'anthropic', 'ollama'])('in the tongue %s names no consumer and no request where none is meant', (tongue) => {
    expect(JSON.stringify(errorBody(tongue, spoken()))).not.toMatch(/consumer|request_id/);
  });

  test.each([
    [{ code: 'unsupported_parameter', fields: { parameters: ['speed', 'voice'] } }, 'speed'],
    [{ code: 'model_not_found' }, 'model'],
    [{ code: 'bad_request' }, null],
  ])('of %j names the parameter %j', (facts, param) => {
    expect(errorBody('openai', spoken(facts))).toMatchObject({ error: { param } });
  });

  test('of whatever error keeps its words and its code in every reader', () => {
    const text = fc.string({ minLength: 1 });
    const said = { status: fc.integer({ min: 400, max: 599 }), code: text, message: text, retryable: fc.boolean() };
    const error = fc.record({ ...said, consumer: fc.option(text, { nil: undefined }), requestId: fc.option(text), fields: fc.constant({ free_mib: null }) });
    fc.assert(
      fc.property(error, (each) => {
        const read = (tongue: Tongue): object => JSON.parse(JSON.stringify(errorBody(tongue, each)));
        const openai = OpenAI.APIError.generate(each.status, read('openai'), undefined, new Headers());
        expect(openai).toMatchObject({ message: `${each.status} ${each.message}`, code: each.code, param: null });
        expect(Anthropic.APIError.generate(each.status, read('anthropic'), undefined, new Headers())).toMatchObject({ apiMessage: each.message });
        expect(read('ollama')).toMatchObject({ error: each.message, code: each.code, free_mib: null });
        expect(read('facade')).toMatchObject({ error: each.code, message: each.message, free_mib: null });
      }),
    );
  });
});

describe('the headers', () => {
  const NOT_BY_ITSELF = ['queue_timeout', 'deadline_unreachable', 'consumer_timeout', 'scheduler_error', 'paused', 'too_many_attempts'];

  test.each(CATALOGUE)('say of $status $code whether to try again by itself', (error) => {
    const again = error.retryable && !NOT_BY_ITSELF.includes(error.code);
    expect(errorHeaders('openai', error, undefined)).toEqual({ 'x-should-retry': String(again) });
  });

  const final = CATALOGUE.filter(({ code, retryable }) => !retryable || NOT_BY_ITSELF.includes(code));

  test.each(final)('keep the clients from asking again after $status $code', async (error) => {
    const [openai, anthropic] = [new Refusing('openai', error), new Refusing('anthropic', error)];
    await openaiError(openai, 2);
    await anthropicError(anthropic, 2);
    expect([openai.asked, anthropic.asked]).toEqual([1, 1]);
  });

  test.each([
    [0.2, '1000'],
    [7, '7000'],
    [600, '60000'],
  ])('say when to come again: after %d s is %s ms, within what clients obey', (seconds, ms) => {
    expect(errorHeaders('openai', spoken(), seconds)['retry-after-ms']).toBe(ms);
  });

  test('are none in our own tongue', () => {
    expect(errorHeaders('facade', spoken({ requestId: 'r' }), 7)).toEqual({});
  });

  test("have the request's id where Anthropic's clients look for it", () => {
    expect(errorHeaders('anthropic', spoken({ requestId: 'r' }), undefined)['request-id']).toBe('r');
    expect(errorHeaders('anthropic', spoken(), undefined)).not.toHaveProperty('request-id');
    expect(errorHeaders('openai', spoken({ requestId: 'r' }), undefined)).not.toHaveProperty('request-id');
  });
});

describe("at a consumer's own server the tongue of", () => {
  test.each<readonly [string, Tongue, Tongue]>([
    ['/v1/messages', 'anthropic', 'anthropic'],
    ['/v1/messages/count_tokens', 'anthropic', 'anthropic'],
    ['/v1/messagesx', 'openai', 'openai'],
    ['/v1/models', 'openai', 'openai'],
    ['/v1', 'facade', 'facade'],
    ['/api/chat', 'ollama', 'facade'],
    ['/apix', 'facade', 'facade'],
    ['/', 'facade', 'facade'],
    ['', 'facade', 'facade'],
  ])('%j is %s at Ollama, %s elsewhere', (path, ollama, other) => {
    expect(tongueOfPath(path, true)).toBe(ollama);
    expect(tongueOfPath(path, false)).toBe(other);
  });
});
