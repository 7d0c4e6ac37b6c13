import type { IncomingMessage } from 'node:http';
import { jobIds } from '../core/job.ts';
import type { Exchange } from './exchange.ts';

/** Answers that take a job are small. */
const LARGEST_ANSWER = 1024 * 1024;

/** Reads along the answer of a consumer whose work goes on after it, and notes the jobs that it names. */
export function noteJobs(answer: IncomingMessage, exchange: Exchange): void {
  const { completion } = exchange.route?.consumer ?? {};
  const { statusCode = 0 } = answer;
  if (completion === undefined || exchange.method !== 'POST' || statusCode < 200 || statusCode > 299) return;
  const chunks: Buffer[] = [];
  let length = 0;
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= LARGEST_ANSWER) chunks.push(chunk);
  });
  answer.once('end', () => {
    exchange.jobIds = jobIds(completion, parsed(Buffer.concat(chunks).toString('utf8')));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
