import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Refusal, isObject, send } from './http.ts';
import type { AnswerShape, Usage } from './llama-openai.ts';
import type { Answer } from './llama-text.ts';

/** To read a prompt, and for each token after it. About 50 tokens in a second, as a model of middle size gives. */
const PROMPT_MS = 100;
const TOKEN_MS = 20;

/** A request that the model works on. */
export interface Turn {
  /** Lets the time of some work pass. Rejects when the work has to stop. */
  tick(ms: number): Promise<void>;
  /** One more token is there. */
  produced(): void;
  /** The work on the card is over. To be said before the last byte. */
  done(): void;
}

/** Thrown by `tick` when the answer has to end here, as if it were complete. */
export class CutShort extends Error {}

/** An answer that breaks in the middle. */
export interface Fault {
  /** Tokens before it. */
  readonly after: number;
  readonly event: object;
  /** Name of the event; undefined: it has none. */
  readonly name?: string;
}

/** What is to be answered, and how. */
export interface Job {
  readonly shape: AnswerShape;
  readonly answer: Answer;
  readonly promptTokens: number;
  readonly streams: boolean;
  /** Of a stream. */
  readonly headers: OutgoingHttpHeaders;
  /** Content type of an answer in one piece. */
  readonly type: string;
  /** Whether `[DONE]` ends a stream; and one that broke. */
  readonly saysDone: boolean;
  readonly saysDoneAfterFault: boolean;
  readonly fault: Fault | undefined;
}

/** Sends the head of a stream, unless that has been done. */
export function openStream(response: ServerResponse, headers: OutgoingHttpHeaders): void {
  if (response.headersSent) return;
  response.writeHead(200, headers);
  response.flushHeaders();
}

/** Writes one server-sent event, with a name if it has one. */
export function writeEvent(response: ServerResponse, event: object, name?: string): void {
  response.write(`${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(event)}\n\n`);
}

/** Writes an event of an answer. */
export function writeShaped(response: ServerResponse, { named }: AnswerShape, event: object): void {
  const type = isObject(event) ? event['type'] : undefined;
  writeEvent(response, event, named === true && typeof type === 'string' ? type : undefined);
}

/** Ends a stream of events. */
export function endStream(response: ServerResponse, saysDone: boolean): void {
  response.end(saysDone ? 'data: [DONE]\n\n' : '');
}

/**
 * Answers a job token by token.
 * @throws what `tick` throws, or Refusal for an answer in one piece that breaks.
 */
export async function emit(response: ServerResponse, job: Job, turn: Turn): Promise<void> {
  const emission = new Emission(response, job, turn);
  const reason = await emission.run();
  turn.done();
  emission.finish(reason);
}

class Emission {
  readonly #response: ServerResponse;
  readonly #job: Job;
  readonly #turn: Turn;
  readonly #began = performance.now();
  #readAt = performance.now();
  #written: string[] = [];

  constructor(response: ServerResponse, job: Job, turn: Turn) {
    this.#response = response;
    this.#job = job;
    this.#turn = turn;
  }

  /** Returns why the answer ended. */
  async run(): Promise<string> {
    try {
      await this.#turn.tick(PROMPT_MS);
      this.#open();
      for (const piece of this.#job.answer.pieces) {
        await this.#turn.tick(TOKEN_MS);
        this.#add(piece);
        if (this.#job.fault?.after === this.#written.length) return 'fault';
      }
      return this.#job.answer.reason;
    } catch (error) {
      if (error instanceof CutShort) return error.message;
      throw error;
    }
  }

  finish(reason: string): void {
    const { fault, shape, streams, type, saysDone } = this.#job;
    if (reason === 'fault' && fault !== undefined) return this.#break(fault);
    if (!streams) return send(this.#response, 200, { type, body: JSON.stringify(shape.whole(this.#written.join(''), reason, this.#usage())) });
    openStream(this.#response, this.#job.headers);
    for (const event of shape.ending(reason, this.#usage())) writeShaped(this.#response, shape, event);
    endStream(this.#response, saysDone);
  }

  #open(): void {
    this.#readAt = performance.now();
    const { streams, headers, shape } = this.#job;
    if (!streams) return;
    openStream(this.#response, headers);
    for (const event of shape.opening) writeShaped(this.#response, shape, event);
  }

  #add(piece: string): void {
    this.#turn.produced();
    this.#written.push(piece);
    const { streams, shape } = this.#job;
    if (streams) writeShaped(this.#response, shape, shape.piece(piece));
  }

  #break({ event, name }: Fault): void {
    if (!this.#job.streams) throw new Refusal(500, { type: this.#job.type, body: JSON.stringify(event) });
    writeEvent(this.#response, event, name);
    endStream(this.#response, this.#job.saysDoneAfterFault);
  }

  #usage(): Usage {
    const { promptTokens } = this.#job;
    return { promptTokens, tokens: this.#written.length, promptMs: this.#readAt - this.#began, tokensMs: performance.now() - this.#readAt };
  }
}
