const BODY = JSON.stringify({ model: 'bench', prompt: 'Say something short.', stream: false });

/** A request that needs no lease, as bytes. */
export const UNGATED = 'GET /audio/one.json HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n';

/** A request that needs the lease, as bytes. */
export const GATED = [
  'POST /v1/llm HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n',
  `Content-Length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`,
].join('');

/** A chat of so many bytes at a path, its model last, as bytes. */
export function chatRequest(path, bytes) {
  const bodyOf = (text) => JSON.stringify({ messages: [{ role: 'user', content: text }], stream: false, model: 'bench' });
  const body = bodyOf('x'.repeat(bytes - bodyOf('').length));
  return [
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n`,
    `Content-Length: ${body.length}\r\n\r\n${body}`,
  ].join('');
}
