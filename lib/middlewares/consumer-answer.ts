import type { IncomingMessage } from 'node:http';
import { consumerWords } from '../core/consumer-words.ts';
import { BrokerError } from '../errors.ts';
import type { Exchange } from './exchange.ts';
import { asProxyError } from './proxy-errors.ts';

/** As much of an error answer is read. */
const LARGEST_ERROR = 64 * 1024;

/** Resolves at the end of an answer that somebody reads. Rejects with a BrokerError if it breaks off. */
export function answerEnded(from: IncomingMessage, exchange: Exchange): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  from.once('end', resolve);
  from.on('error', (error) => reject(asProxyError(error, exchange)));
  from.once('close', () => reject(asProxyError(null, exchange)));
  return promise;
}

/**
 * Reads an answer, beginning in this turn; null: it has more than `limit` bytes.
 * Rejects with a BrokerError if it breaks off.
 */
export async function readAnswer(from: IncomingMessage, exchange: Exchange, limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  from.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit) chunks.push(chunk);
  });
  await answerEnded(from, exchange);
  return length > limit ? null : Buffer.concat(chunks);
}

/** Reads an answer of the consumer's that is no good one, beginning in this turn, as what its client is told. */
export async function consumerErrorOf(from: IncomingMessage, exchange: Exchange): Promise<BrokerError> {
  const { statusCode: status = 502 } = from;
  try {
    const body = await readAnswer(from, exchange, LARGEST_ERROR);
    const words = consumerWords(body?.toString('utf8') ?? '');
    const name = exchange.route?.consumer.name ?? '';
    if (status < 400) return misunderstood(exchange, `answered ${status}, which means nothing here`);
    return new BrokerError('consumerError', `${name} answered ${status}${words === '' ? '' : `: ${words}`}`, { consumer: name, status });
  } catch (error) {
    return asProxyError(error, exchange);
  }
}

/** What is said of a consumer whose answer is not what it should be. */
export function misunderstood(exchange: Exchange, what: string): BrokerError {
  const consumer = exchange.route?.consumer.name ?? '';
  return new BrokerError('consumerBroke', `${consumer} ${what}`, { consumer });
}
