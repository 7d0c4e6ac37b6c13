import { rawRequest } from './http.ts';

/** One answer as it lay on the wire. Header names in lower case; repeated ones joined by `, `. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Bytes of a request: lines joined by CRLF, an empty line after them, then `body`. */
export function requestText(lines: readonly string[], body = ''): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

/** Sends bytes and returns every answer until the peer closes. Throws if what came back is not whole HTTP answers. */
export async function rawAnswers(port: number, bytes: string | Buffer): Promise<readonly WireAnswer[]> {
  return parseAnswers(await rawRequest(port, bytes));
}

/** As `rawAnswers`, where exactly one answer is expected. */
export async function rawAnswer(port: number, bytes: string | Buffer): Promise<WireAnswer> {
  const [answer, ...more] = await rawAnswers(port, bytes);
  if (answer === undefined || more.length > 0) throw new Error(`expected one answer, got ${answer === undefined ? 0 : more.length + 1}`);
  return answer;
}

/** Takes apart a stream of answers with a length, chunks or the end of the connection as their end. */
export function parseAnswers(bytes: Buffer): readonly WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = bytes.toString('latin1');
  while (rest !== '') {
    const at = rest.indexOf('\r\n\r\n');
    if (at === -1) throw new Error(`not a whole answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const head = parseHead(rest.slice(0, at));
    const { body, length } = bodyIn(rest.slice(at + 4), head);
    if (head.status >= 200) answers.push({ ...head, body });
    rest = rest.slice(at + 4 + length);
  }
  return answers;
}

function parseHead(text: string): Omit<WireAnswer, 'body'> {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`not a header: ${JSON.stringify(line)}`);
    const lower = name.toLowerCase();
    headers[lower] = Object.hasOwn(headers, lower) ? `${headers[lower]}, ${value}` : value;
  }
  return { status: Number(status), headers };
}

/** The body, and how many bytes of `text` it takes up. */
function bodyIn(text: string, { status, headers }: Omit<WireAnswer, 'body'>): { body: string; length: number } {
  if (status < 200 || status === 204 || status === 304) return { body: '', length: 0 };
  if (headers['transfer-encoding'] === 'chunked') return chunksIn(text);
  const declared = headers['content-length'];
  const length = declared === undefined ? text.length : Number(declared);
  if (length > text.length) throw new Error(`an answer of ${length} bytes was cut after ${text.length}`);
  return { body: text.slice(0, length), length };
}

function chunksIn(text: string): { body: string; length: number } {
  let body = '';
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (end === -1 || Number.isNaN(size)) throw new Error('a chunked answer was cut');
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
    if (size === 0) return { body, length: at };
  }
}
