import { randomInt, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { ImageTemplate } from '../config/types.ts';
import type { ImageRequest } from '../core/image-params.ts';
import { isRecord } from '../core/records.ts';
import { fillWorkflow, sizeText } from '../core/workflow.ts';
import { BrokerError } from '../errors.ts';
import { consumerErrorOf, misunderstood } from './consumer-answer.ts';
import { routedExchange } from './exchange.ts';
import { imagesOf } from './image-job.ts';
import type { JobServices } from './image-job.ts';
import { readDocument } from './translated-answer.ts';
import { sendImages } from './translated-images.ts';
import { jsonRequest } from './translated-request.ts';
import type { TranslatedRequest } from './translated-request.ts';

/** Seeds are below this: node:crypto gives no larger numbers, and every sampler takes them. */
const SEEDS = 2 ** 48 - 1;

/** POST /v1/images/generations for ComfyUI: a workflow is queued, awaited, and its images are fetched. */
export function imagesRequest(wanted: ImageRequest, template: ImageTemplate, services: JobServices): TranslatedRequest {
  // A workflow that differs in nothing would be answered with the images of the last time.
  const nodes = fillWorkflow(template, { ...wanted, seed: wanted.seed ?? randomInt(SEEDS) });
  const shape = { template, count: wanted.count, size: sizeText(nodes, template.inputs) };
  return {
    ...jsonRequest({ prompt: nodes, client_id: `mgpumanager-${randomUUID()}` }),
    kind: 'image',
    path: '/prompt',
    holdsLease: true,
    answer: (from, res) => answerWithImages(from, res, { ...services, ...shape }),
  };
}

interface Wanted extends JobServices {
  readonly template: ImageTemplate;
  readonly count: number;
  readonly size: string | null;
}

async function answerWithImages(from: IncomingMessage, res: Response, { template, count, size, ...services }: Wanted): Promise<void> {
  const exchange = routedExchange(res);
  const beganAt = services.clock.now();
  if (from.statusCode !== 200) throw await consumerErrorOf(from, exchange);
  const document = await readDocument(from, exchange);
  if (!isRecord(document) || typeof document['prompt_id'] !== 'string') throw misunderstood(exchange, 'did not answer with a prompt_id');
  const images = await imagesOf({ id: document['prompt_id'], template }, res, services);
  const { name: consumer } = exchange.route.consumer;
  if (images.length === 0) throw new BrokerError('consumerError', `${consumer} has made no image (images.output, or a node that saves one)`, { consumer });
  exchange.times.upstream = (exchange.times.upstream ?? 0) + services.clock.now() - beganAt;
  await sendImages(res, images.slice(0, count), { created: Math.floor(services.clock.wall().getTime() / 1000), size });
}
