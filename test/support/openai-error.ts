import type { Answer } from './http.ts';

/** An error as OpenAI's clients read it, with what the broker adds. */
export interface OpenaiError {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly consumer?: string;
  readonly retryable: boolean;
  readonly parameters?: readonly string[];
}

/** The error in an answer, which must be in that form. */
export function openaiError({ body }: Answer): OpenaiError {
  const { error }: { error?: OpenaiError } = JSON.parse(body);
  if (typeof error !== 'object') throw new Error(`not an error as OpenAI has them: ${body.slice(0, 200)}`);
  return error;
}
