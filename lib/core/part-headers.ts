import { parametrized } from './header-parameters.ts';
import type { ParametrizedValue } from './header-parameters.ts';

/** What the headers of a form's part say. */
export interface PartHeaders {
  readonly type: 'headers';
  readonly name: string;
  /** null: it is a field. */
  readonly fileName: string | null;
  /** Its value is not written as it is, but in base64 or the like. */
  readonly isEncoded: boolean;
}

/** What is wrong with them. */
export interface PartFault {
  readonly type: 'fault';
  readonly reason: string;
}

const MAX_NAME = 1024;
const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*)$/;
const AS_IT_IS = ['7bit', '8bit', 'binary'];
/** Readers differ on a name in several pieces or with a character set, so there is none that all understand. */
const ODD_NAME = /^name\*/;

/** Reads the headers of a part, without the empty line after them. */
export function readPartHeaders(text: string): PartHeaders | PartFault {
  const headers = linesOf(text);
  if (headers === null) return fault('a part has a header that is none, or the same one twice');
  const disposition = parametrized(headers.get('content-disposition') ?? '');
  if (disposition === null || [...disposition.parameters.keys()].some((key) => ODD_NAME.test(key))) {
    return fault('the Content-Disposition of a part cannot be read');
  }
  const name = disposition.parameters.get('name');
  if (disposition.value !== 'form-data' || name === undefined) return fault('a part has no name');
  if (name.length > MAX_NAME) return fault(`the name of a part is longer than ${MAX_NAME} characters`);
  const encoding = headers.get('content-transfer-encoding')?.trim().toLowerCase() ?? 'binary';
  return { type: 'headers', name: decoded(name), fileName: fileNameIn(disposition), isEncoded: !AS_IT_IS.includes(encoding) };
}

/** Headers by their names in lower case; null: a line is no header, or one comes twice. */
function linesOf(text: string): Map<string, string> | null {
  const lines = text === '' ? [] : text.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ''] = LINE.exec(line) ?? [];
    if (name === undefined || headers.has(name.toLowerCase())) return null;
    headers.set(name.toLowerCase(), value);
  }
  return headers;
}

function fileNameIn({ parameters }: ParametrizedValue): string | null {
  const [, extended] = [...parameters].find(([key]) => key.startsWith('filename*')) ?? [];
  if (extended !== undefined) return extendedValue(extended);
  const plain = parameters.get('filename');
  return plain === undefined ? null : decoded(plain);
}

/** `UTF-8''na%C3%AFve.txt` (RFC 8187), or as it is if it cannot be decoded. */
function extendedValue(text: string): string {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(text) ?? [];
  try {
    return encoded === undefined ? text : decodeURIComponent(encoded);
  } catch {
    return text;
  }
}

/** As the WHATWG has forms written: these three are escaped, and nothing else is. */
function decoded(text: string): string {
  return text.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
}

function fault(reason: string): PartFault {
  return { type: 'fault', reason };
}
