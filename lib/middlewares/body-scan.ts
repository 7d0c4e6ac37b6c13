import type { IncomingMessage } from 'node:http';
import { FormScanner, boundaryIn } from '../core/form-scan.ts';
import { JsonScanner } from '../core/json-scan.ts';
import type { ScannedBody } from '../core/scanned-body.ts';

/** Reads a body along while it is taken in. */
export interface BodyScanner {
  feed(chunk: Uint8Array): void;
  end(): ScannedBody;
}

/**
 * What reads the body of this request: a form by its content type, everything else as JSON, since many clients do not say.
 * A sentence: why nobody can read it on its way.
 */
export function scannerFor({ headers }: IncomingMessage): BodyScanner | string {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers;
  if (coding.toLowerCase() !== 'identity') return 'the model of a compressed body cannot be read; send it without Content-Encoding';
  if (!/^multipart\//i.test(type)) return new JsonScanner();
  const boundary = boundaryIn(type);
  return boundary === null ? 'the Content-Type is multipart but has no valid boundary' : new FormScanner(boundary);
}
