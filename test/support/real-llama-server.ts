import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Refusal, asJson, clientGone, createRoutedServer, isObject, messageOf, parseObject, readBody, sendJson } from '../../lib/demo/servers/http.ts';
import type { Exchange, Handler } from '../../lib/demo/servers/http.ts';
import { isMain } from '../../lib/demo/servers/process.ts';
import { RealModel, SLOTS } from './real-llama-model.ts';
import type { FinishReason, Wish } from './real-llama-model.ts';

const MODEL_NAME = 'stories260K';
const DEFAULT_TOKENS = 16;

/** One of OpenAI's two ways to ask for text. */
interface Dialect {
  /** null: the body asks for nothing. */
  promptOf(body: Readonly<Record<string, unknown>>): string | null;
  /** The `object` of an event, and of a whole answer. */
  readonly event: string;
  readonly whole: string;
  /** The part of a choice that holds text; empty with the last event. */
  piece(text: string): object;
  content(text: string): object;
}

const CHAT: Dialect = {
  promptOf: ({ messages }) => {
    const last: unknown = Array.isArray(messages) ? messages.at(-1) : null;
    return isObject(last) && typeof last['content'] === 'string' ? last['content'] : null;
  },
  event: 'chat.completion.chunk',
  whole: 'chat.completion',
  piece: (text) => ({ delta: text === '' ? {} : { content: text } }),
  content: (text) => ({ message: { role: 'assistant', content: text } }),
};

const PLAIN: Dialect = {
  promptOf: ({ prompt }) => (typeof prompt === 'string' ? prompt : null),
  event: 'text_completion',
  whole: 'text_completion',
  piece: (text) => ({ text, logprobs: null }),
  content: (text) => ({ text, logprobs: null }),
};

/** Loads the model at `path` and listens on a free port of 127.0.0.1. Resolves with the port. */
async function listen(path: string): Promise<number> {
  const server = serverOf(await RealModel.load(path));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error(`expected a TCP address, got ${JSON.stringify(address)}`);
}

function serverOf(model: RealModel): Server {
  const routes = new Map<string, Handler>([
    ['GET /health', ({ response }) => sendJson(response, 200, { status: 'ok' })],
    ['GET /slots', ({ response }) => sendJson(response, 200, slotsOf(model))],
    ['GET /stats', ({ response }) => sendJson(response, 200, model.stats)],
    ['DELETE /stats', ({ response }) => forget(response, model)],
    ['POST /v1/chat/completions', (exchange) => complete(exchange, model, CHAT)],
    ['POST /v1/completions', (exchange) => complete(exchange, model, PLAIN)],
  ]);
  return createRoutedServer({
    routes,
    notFound: ({ response }) => sendJson(response, 404, { error: { message: 'File Not Found' } }),
    failed: ({ response }, error) => sendJson(response, 500, { error: { message: messageOf(error) } }),
  });
}

function forget(response: ServerResponse, model: RealModel): void {
  model.forget();
  sendJson(response, 200, model.stats);
}

/** The first `running` ones are at work; which of them does what is nobody's business. */
function slotsOf({ stats: { running } }: RealModel): unknown {
  return Array.from({ length: SLOTS }, (_, id) => ({ id, is_processing: id < running }));
}

async function complete({ request, response }: Exchange, model: RealModel, dialect: Dialect): Promise<void> {
  const body = parseObject(await readBody(request)) ?? {};
  const wish = wishOf(body, dialect);
  const gone = clientGone(response);
  const generate = (say: (text: string) => void): Promise<FinishReason> => model.generate(wish, say, gone);
  await (body['stream'] === true ? stream(response, dialect, generate) : answer(response, dialect, generate));
}

type Generate = (say: (text: string) => void) => Promise<FinishReason>;

async function answer(response: ServerResponse, dialect: Dialect, generate: Generate): Promise<void> {
  const texts: string[] = [];
  const reason = await generate((text) => texts.push(text));
  const choice = { index: 0, ...dialect.content(texts.join('')), finish_reason: reason };
  sendJson(response, 200, { ...headOf(dialect.whole), choices: [choice], usage: { completion_tokens: texts.length } });
}

/** One event per token. */
async function stream(response: ServerResponse, dialect: Dialect, generate: Generate): Promise<void> {
  const head = headOf(dialect.event);
  const event = (text: string, reason: FinishReason | null): string => {
    return `data: ${JSON.stringify({ ...head, choices: [{ index: 0, ...dialect.piece(text), finish_reason: reason }] })}\n\n`;
  };
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const reason = await generate((text) => response.write(event(text, null)));
  response.end(`${event('', reason)}data: [DONE]\n\n`);
}

function headOf(object: string): object {
  return { id: 'cmpl-real', object, created: Math.floor(Date.now() / 1000), model: MODEL_NAME };
}

function wishOf(body: Readonly<Record<string, unknown>>, dialect: Dialect): Wish {
  const prompt = dialect.promptOf(body);
  if (prompt === null) throw new Refusal(400, asJson({ error: { message: 'expected a prompt, or a message' } }));
  const number = (name: string, otherwise: number): number => (typeof body[name] === 'number' ? body[name] : otherwise);
  const maxTokens = number('max_completion_tokens', number('max_tokens', DEFAULT_TOKENS));
  return { prompt, maxTokens, temperature: number('temperature', 0), seed: number('seed', 0) };
}

if (isMain(import.meta.url)) {
  const [path = ''] = process.argv.slice(2);
  // It ends with whoever has started it.
  process.on('disconnect', () => process.exit(0));
  process.send?.({ listening: await listen(path) });
}
