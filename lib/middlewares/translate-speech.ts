import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import type { Clock } from '../clock.ts';
import { audioPath } from '../core/audio-path.ts';
import type { SpeechRequest } from '../core/speech-params.ts';
import { answerEnded, consumerErrorOf, misunderstood } from './consumer-answer.ts';
import { routedExchange } from './exchange.ts';
import { brokerHeaders } from './proxy-headers.ts';
import { readDocument } from './translated-answer.ts';
import { fetchFromConsumer } from './translated-fetch.ts';
import { jsonRequest } from './translated-request.ts';
import type { TranslatedRequest } from './translated-request.ts';

/** POST /v1/audio/speech for mVoice, which answers with the address of the audio instead of the audio. */
export function speechRequest({ text, voice }: SpeechRequest, clock: Clock): TranslatedRequest {
  const document = { text, ...(voice === null ? {} : { voice }) };
  return { ...jsonRequest(document), kind: 'tts', path: '/api/synthesize', holdsLease: false, answer: (from, res) => answerWithAudio(from, res, clock) };
}

async function answerWithAudio(from: IncomingMessage, res: Response, clock: Clock): Promise<void> {
  const exchange = routedExchange(res);
  const beganAt = clock.now();
  if (from.statusCode !== 200) throw await consumerErrorOf(from, exchange);
  const path = audioPath(await readDocument(from, exchange), exchange.route.consumer.url);
  if (path === null) throw misunderstood(exchange, 'did not answer with an audio_url of its own');
  await fetchFromConsumer(res, path, (audio) => {
    exchange.times.upstream = (exchange.times.upstream ?? 0) + clock.now() - beganAt;
    return stream(audio, res);
  });
}

function stream(audio: IncomingMessage, res: Response): Promise<void> {
  const exchange = routedExchange(res);
  const { 'content-type': type = 'audio/wav', 'content-length': length } = audio.headers;
  audio.on('data', (chunk: Buffer) => (exchange.responseBytes += chunk.length));
  res.writeHead(200, ['Content-Type', type, ...(length === undefined ? [] : ['Content-Length', length]), ...brokerHeaders(exchange)]);
  audio.pipe(res);
  return answerEnded(audio, exchange);
}
