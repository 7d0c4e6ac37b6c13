import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { viewPath } from '../core/image-history.ts';
import type { ImageFile } from '../core/image-history.ts';
import { CLIENT_LEFT } from '../errors.ts';
import { answerEnded } from './consumer-answer.ts';
import { routedExchange } from './exchange.ts';
import { brokerHeaders } from './proxy-headers.ts';
import { fetchFromConsumer } from './translated-fetch.ts';

/** What an answer says beside its images. */
export interface ImagesShape {
  /** Seconds since 1970. */
  readonly created: number;
  /** null: not known. */
  readonly size: string | null;
}

/** What OpenAI calls them. */
const FORMATS: ReadonlyMap<string, string> = new Map([['image/png', 'png'], ['image/jpeg', 'jpeg'], ['image/webp', 'webp']]);
/** So many bytes become whole characters of base64. */
const GROUP = 3;

/**
 * Fetches images from their consumer and sends them as they come, so that none is ever in memory.
 * Rejects with a BrokerError, or with CLIENT_LEFT; once the first has come the answer cannot be ended well then.
 */
export async function sendImages(res: Response, images: readonly ImageFile[], { created, size }: ImagesShape): Promise<void> {
  const exchange = routedExchange(res);
  let format: string | undefined;
  for (const image of images) {
    await fetchFromConsumer(res, viewPath(image), async (answer) => {
      // It has been told something else meanwhile, such as that it was cancelled: a write behind that would end the process.
      if (res.writableEnded) throw CLIENT_LEFT;
      format = FORMATS.get(answer.headers['content-type'] ?? '');
      if (!res.headersSent) res.writeHead(200, ['Content-Type', 'application/json', ...brokerHeaders(exchange)]);
      write(res, `${image === images[0] ? `{"created":${created},"data":[` : ','}{"b64_json":"`);
      await writeBase64(answer, res);
      write(res, '"}');
    });
  }
  const rest = JSON.stringify({ ...(format === undefined ? {} : { output_format: format }), ...(size === null ? {} : { size }) });
  write(res, rest === '{}' ? ']}' : `],${rest.slice(1)}`);
  res.end();
}

function write(res: Response, text: string): boolean {
  routedExchange(res).responseBytes += text.length;
  return res.write(text);
}

/** Resolves at the end of the answer. */
async function writeBase64(answer: IncomingMessage, res: Response): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  answer.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % GROUP);
    rest = bytes.subarray(whole);
    if (write(res, bytes.toString('base64', 0, whole))) return;
    answer.pause();
    res.once('drain', () => answer.resume());
  });
  await answerEnded(answer, routedExchange(res));
  write(res, rest.toString('base64'));
}
