import type { NextFunction, Request, Response } from 'express';
import { boundaryIn } from '../core/form-scan.ts';
import { readImages } from '../core/image-params.ts';
import type { ParamFault, Params } from '../core/params.ts';
import { isRecord } from '../core/records.ts';
import { readSpeech } from '../core/speech-params.ts';
import { readTranscription } from '../core/transcription-params.ts';
import { BrokerError } from '../errors.ts';
import { routedExchange } from './exchange.ts';
import type { JobServices } from './image-job.ts';
import type { TakenBody } from './taken-body.ts';
import { imagesRequest } from './translate-images.ts';
import { speechRequest } from './translate-speech.ts';
import { transcriptionRequest } from './translate-transcription.ts';
import type { TakenForm } from './translate-transcription.ts';
import type { TranslatedRequest } from './translated-request.ts';
import type { Translator } from './translation.ts';

export type TranslateServices = JobServices;

/** A text to speak or to draw is smaller. */
const LARGEST_JSON = 1024 * 1024;

/** An exchange whose request is to be translated, and what was found in its body. */
type Translated = ReturnType<typeof routedExchange> & { readonly translator: Translator; readonly body: TakenBody };

/** Translates a request whose consumer has no such path, as the route has decided. Throws its refusal of what cannot be said to the consumer. */
export function translate(services: TranslateServices) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const exchange = routedExchange(res);
    if (!isTranslated(exchange)) {
      next();
      return;
    }
    translated(req, exchange, services).then((request) => {
      if (res.destroyed) return;
      const { consumer } = exchange.route;
      exchange.body = request.body;
      exchange.route = { consumer, target: consumer.paths[request.kind] ?? { method: 'POST', path: request.path } };
      exchange.translation = request;
      next();
    }).catch(next);
  };
}

function isTranslated(exchange: ReturnType<typeof routedExchange>): exchange is Translated {
  return exchange.translator !== null && exchange.body !== null;
}

async function translated(req: Request, exchange: Translated, services: TranslateServices): Promise<TranslatedRequest> {
  const { operation, model } = exchange.translator;
  switch (operation) {
    case '/v1/audio/speech':
      return speechRequest(accepted(readSpeech(await paramsOf(exchange), model?.voices ?? [])), services.clock);
    case '/v1/audio/transcriptions':
    case '/v1/audio/translations': {
      const form = formOf(req, exchange);
      const changes = { strip: model?.strip ?? [], set: model?.set ?? {} };
      return transcriptionRequest(accepted(readTranscription({ operation, parts: form.scan.parts, ...changes })), form);
    }
    case '/v1/images/generations': {
      const template = templateOf(exchange);
      return imagesRequest(accepted(readImages(await paramsOf(exchange), template)), template, services);
    }
  }
}

function accepted<Wanted extends { readonly type: 'speech' | 'transcription' | 'images' }>(read: Wanted | ParamFault): Wanted {
  if (isFault(read)) throw refusal(read);
  return read;
}

function isFault(read: { readonly type: string }): read is ParamFault {
  return read.type === 'bad' || read.type === 'unsupported';
}

function refusal(fault: ParamFault): BrokerError {
  if (fault.type === 'bad') return new BrokerError('badRequest', fault.message);
  return new BrokerError('unsupportedParameter', fault.message, { fields: { parameters: fault.parameters } });
}

/** A JSON body with the model's changes in it. */
async function paramsOf({ body, translator: { model } }: Translated): Promise<Params> {
  const bytes = await body.read(LARGEST_JSON);
  if (bytes === null) throw new BrokerError('badRequest', `expected a body of at most ${LARGEST_JSON / 1024 / 1024} MiB`);
  const params = parsed(bytes.toString('utf8'));
  const kept = Object.entries(params).filter(([name]) => model?.strip.includes(name) !== true);
  return { ...Object.fromEntries(kept), ...model?.set };
}

function parsed(text: string): Params {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BrokerError('badRequest', 'the body is not JSON');
  }
  if (!isRecord(value)) throw new BrokerError('badRequest', 'the body is not a JSON object');
  return value;
}

function formOf(req: Request, { body, scan }: Translated): TakenForm {
  const boundary = boundaryIn(req.headers['content-type'] ?? '');
  if (boundary === null || scan?.type !== 'form') throw new BrokerError('badRequest', 'expected a form (multipart/form-data) with a file');
  return { body, scan, boundary };
}

function templateOf({ route: { consumer } }: Translated): NonNullable<typeof consumer.images> {
  if (consumer.images !== null) return consumer.images;
  const message = `${consumer.name} has no workflow that makes images; set consumers.${consumer.name}.images (workflow or workflow_file, and where the prompt goes)`;
  throw new BrokerError('noConsumer', message, { consumer: consumer.name });
}
