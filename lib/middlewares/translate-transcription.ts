import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { formSplices } from '../core/body-edits.ts';
import type { WholeFormScan } from '../core/form-scan.ts';
import { transcriptOf } from '../core/transcript.ts';
import type { TranscriptionRequest } from '../core/transcription-params.ts';
import { BrokerError } from '../errors.ts';
import { consumerErrorOf, misunderstood } from './consumer-answer.ts';
import { editedBody } from './edited-body.ts';
import { routedExchange } from './exchange.ts';
import type { TakenBody } from './taken-body.ts';
import { readDocument, readWhole, sendWhole } from './translated-answer.ts';
import type { TranslatedRequest } from './translated-request.ts';

/** The client's form as it came, and what was found in it. */
export interface TakenForm {
  readonly body: TakenBody;
  readonly scan: WholeFormScan;
  readonly boundary: string;
}

/** POST /v1/audio/transcriptions and translations for whisper-server, which takes nearly the same form. */
export function transcriptionRequest(wanted: TranscriptionRequest, { body, scan, boundary }: TakenForm): TranslatedRequest {
  const splices = formSplices(scan, boundary, { rename: null, strip: wanted.strip, set: wanted.set });
  return {
    kind: 'stt',
    path: '/inference',
    body: editedBody(body, splices),
    headers: { accept: '*/*' },
    holdsLease: false,
    answer: (from, res) => answerWithText(from, res, wanted),
  };
}

async function answerWithText(from: IncomingMessage, res: Response, { format, withWords }: TranscriptionRequest): Promise<void> {
  const exchange = routedExchange(res);
  if (from.statusCode !== 200) throw explained(await consumerErrorOf(from, exchange));
  if (format !== 'json' && format !== 'verbose_json') {
    // OpenAI's own type for all three.
    sendWhole(res, 'text/plain; charset=utf-8', await readWhole(from, exchange));
    return;
  }
  const transcript = transcriptOf(await readDocument(from, exchange), { format, withWords });
  if (transcript === null) throw misunderstood(exchange, 'answered with something that is no transcript');
  sendWhole(res, 'application/json', Buffer.from(JSON.stringify(transcript)));
}

/** It says the same of everything that it refuses. */
function explained(error: BrokerError): BrokerError {
  if (error.kind.status !== 400) return error;
  const { status } = error.kind;
  return new BrokerError('consumerError', `${error.message} (usually: the file is empty, or not audio that it can decode)`, { ...error.details, status });
}
