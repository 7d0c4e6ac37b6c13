import { BrokerError } from '../errors.ts';
import type { Exchange } from './exchange.ts';

/**
 * Whether a request met a pooled socket that the consumer had just closed, and may be sent again: once, and only if asking
 * twice does no harm and no body was sent. A POST is never sent twice.
 */
export function isStaleSocket(error: NodeJS.ErrnoException, exchange: Exchange): boolean {
  if (exchange.isRetried || exchange.cut !== null || exchange.upstream?.reusedSocket !== true) return false;
  const isSafe = exchange.method === 'GET' || exchange.method === 'HEAD';
  return isSafe && exchange.lease === null && exchange.requestBytes === 0 && error.code === 'ECONNRESET';
}

/** What a client is told about a consumer that could not be reached, broke off, or was too slow. */
export function asProxyError(error: unknown, exchange: Exchange): BrokerError {
  if (error instanceof BrokerError) return error;
  const consumer = exchange.route?.consumer.name ?? 'the consumer';
  const details = { consumer, cause: error };
  if (exchange.cut === 'first byte timeout') {
    const seconds = (exchange.route?.consumer.timeouts.first_byte ?? 0) / 1000;
    return new BrokerError('consumerTimeout', `${consumer} began no answer within ${seconds} s (timeouts.first_byte)`, details);
  }
  if (exchange.cut === 'client idle') {
    const seconds = (exchange.route?.consumer.timeouts.client_idle ?? 0) / 1000;
    return new BrokerError('requestTimeout', `no byte of the request body came for ${seconds} s (timeouts.client_idle)`);
  }
  return new BrokerError('consumerBroke', `${consumer} ${reasonOf(error, exchange)}`, details);
}

/** In words: error texts of Node name addresses. */
function reasonOf(error: unknown, exchange: Exchange): string {
  if (exchange.cut === 'connect timeout') return 'did not accept a connection in time (timeouts.connect)';
  // Not `instanceof Error`: it fails for errors that another realm made.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED') return 'refused the connection';
  if (code.startsWith('HPE_')) return `did not answer in HTTP (${code})`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `has a host name that cannot be found (${code})`;
  return `broke off before its answer began${code === '' ? '' : ` (${code})`}`;
}
