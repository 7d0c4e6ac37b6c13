/** What an answer cost. */
export interface Usage {
  readonly promptTokens: number;
  readonly tokens: number;
  /** Milliseconds until the prompt was read, and for the tokens after that. */
  readonly promptMs: number;
  readonly tokensMs: number;
}

/** How an answer looks on the wire, in pieces or as a whole. */
export interface AnswerShape {
  /** Each event is sent under its `type`. */
  readonly named?: true;
  /** Events before the first token. */
  readonly opening: readonly object[];
  readonly piece: (text: string) => object;
  /** Events after the last token. */
  readonly ending: (reason: string, usage: Usage) => readonly object[];
  readonly whole: (text: string, reason: string, usage: Usage) => object;
}

/** What is the same in every object of an answer, and how a server differs from the others. */
export interface Identity {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Further members of every object. */
  readonly extra: object;
  /** Further members of every choice. */
  readonly choice: object;
  /** The content beside the role in the first chunk of a chat. */
  readonly roleContent: string | null;
  /** Further members of the last event of a stream, and of an answer as a whole. */
  readonly measured: (usage: Usage) => object;
  /** Whether a stream ends with an event for the usage (`stream_options.include_usage`). */
  readonly streamsUsage: boolean;
}

/** An answer of `/v1/chat/completions`. */
export function chatShape(identity: Identity): AnswerShape {
  const chunk = (delta: object, reason: string | null): object => {
    return objectOf(identity, 'chat.completion.chunk', { index: 0, delta, finish_reason: reason });
  };
  return {
    opening: [chunk({ role: 'assistant', content: identity.roleContent }, null)],
    piece: (content) => chunk({ content }, null),
    ending: (reason, usage) => endingOf(identity, chunk({}, reason), usage),
    whole: (content, reason, usage) => {
      const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: reason };
      return wholeOf(identity, objectOf(identity, 'chat.completion', choice), usage);
    },
  };
}

/** An answer of `/v1/completions`. */
export function completionShape(identity: Identity): AnswerShape {
  const object = (text: string, reason: string | null): object => {
    return objectOf(identity, 'text_completion', { index: 0, text, logprobs: null, finish_reason: reason });
  };
  return {
    opening: [],
    piece: (text) => object(text, null),
    ending: (reason, usage) => endingOf(identity, object('', reason), usage),
    whole: (text, reason, usage) => wholeOf(identity, object(text, reason), usage),
  };
}

function objectOf({ id, model, created, extra, choice }: Identity, object: string, content: object): object {
  return { choices: [{ ...content, ...choice }], created, id, model, ...extra, object };
}

function endingOf(identity: Identity, last: object, usage: Usage): readonly object[] {
  const measured = identity.measured(usage);
  if (!identity.streamsUsage) return [{ ...last, ...measured }];
  return [last, { ...last, choices: [], usage: usageOf(usage), ...measured }];
}

function wholeOf(identity: Identity, object: object, usage: Usage): object {
  return { ...object, usage: usageOf(usage), ...identity.measured(usage) };
}

function usageOf({ promptTokens, tokens }: Usage): object {
  return { completion_tokens: tokens, prompt_tokens: promptTokens, total_tokens: promptTokens + tokens };
}
