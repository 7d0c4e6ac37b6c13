import type { HeaderMap } from './headers.ts';

/** A header that may hold a key. */
export interface Credential {
  /** As the request has it, in lower case. */
  readonly header: string;
  /** What in it may be a key; never empty. */
  readonly texts: readonly string[];
}

const HEADERS: ReadonlySet<string> = new Set(['authorization', 'x-api-key']);
/** Values of one header that are looked at; a list of very many would only cost time. */
const MOST = 4;

/** The headers of a request that may hold a key of ours, or one that is for its consumer. */
export function credentialsIn(headers: HeaderMap): Credential[] {
  const found: Credential[] = [];
  for (const header in headers) {
    const value = headers[header];
    // A server that takes an underscore for a hyphen would see a key in it.
    if (value === undefined || !HEADERS.has(header.includes('_') ? header.replaceAll('_', '-') : header)) continue;
    const texts = textsIn(String(value));
    if (texts.length > 0) found.push({ header, texts });
  }
  return found;
}

/** The value as a whole, and, as Node joins headers that were sent more than once, its parts. */
function textsIn(value: string): string[] {
  const all = [value, ...value.split(',', MOST)].map((text) => text.trim().replace(/^bearer\s+/i, ''));
  return [...new Set(all)].filter((text) => text !== '');
}
