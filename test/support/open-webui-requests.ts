import { demoRequest } from '../../lib/demo/request-set.ts';
import { toneWav } from '../../lib/demo/servers/wav.ts';
import { MODEL } from './client-bench.ts';

/**
 * What Open WebUI asks of the servers that it is connected to: method, path, headers and body as its code sends them. Recorded from
 * `backend/open_webui/routers/{openai,ollama,audio,images}.py` and `utils/images/comfyui.py` of https://github.com/open-webui/open-webui
 * (2025 and 2026). Paths are below the base address of the connection, but for `unload`, which is at its root.
 */
export interface RecordedRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Of the user, with ENABLE_FORWARD_USER_INFO_HEADERS=true. */
export const USER = {
  'X-OpenWebUI-User-Name': 'Ada%20Lovelace',
  'X-OpenWebUI-User-Id': '7d3f1a52-0f0c-4b1e-9f55-3f3f0a6f7c11',
  'X-OpenWebUI-User-Email': 'ada@example.com',
  'X-OpenWebUI-User-Role': 'user',
  'X-OpenWebUI-Chat-Id': '0c0c5d7e-5d5b-43f4-8f0c-9a1d6f0b2a77',
} as const;

const AIOHTTP = { 'User-Agent': 'Python/3.11 aiohttp/3.12.15', Accept: '*/*', 'Accept-Encoding': 'gzip, deflate, br, zstd' };
const REQUESTS = { 'User-Agent': 'python-requests/2.32.4', Accept: '*/*', 'Accept-Encoding': 'gzip, deflate, br, zstd', Connection: 'keep-alive' };
const KEY = { Authorization: 'Bearer sk-none' };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const BOUNDARY = 'b1d5c781d1f2e9d0b3a04b9a3f2e7c6d';

/** The list of the models; the same when an administrator verifies the connection. */
export const models = get('/models', { ...AIOHTTP, ...KEY });
/** Fetched without a key and without a limit of time. */
export const voices = get('/audio/voices', REQUESTS);
export const speechModels = get('/audio/models', REQUESTS);

/** A turn of a chat. */
export function chat(stream: boolean, content = 'Why is the sky blue?'): RecordedRequest {
  const headers = { ...AIOHTTP, ...JSON_TYPE, ...KEY, 'HTTP-Referer': 'https://openwebui.com/', 'X-Title': 'Open WebUI', ...USER };
  const options = stream ? { stream_options: { include_usage: true } } : { max_completion_tokens: 1000 };
  return post('/chat/completions', headers, JSON.stringify({ stream, model: MODEL, messages: [{ role: 'user', content }], ...options }));
}

/** What reads an answer aloud. */
export function speech(voice: string): RecordedRequest {
  return post('/audio/speech', { ...AIOHTTP, ...JSON_TYPE, ...KEY }, JSON.stringify({ input: 'Good morning.', voice, model: 'tts-1' }));
}

/** What writes down what was said, by Python's `requests`: the fields come before the file. */
export function transcription(language: string | null): RecordedRequest {
  const fields = { model: 'whisper-1', ...(language === null ? {} : { language }) };
  const parts = Object.entries(fields).map(([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const file = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="0d6c.wav"\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(parts.join('') + file), toneWav(1), Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
  return post('/audio/transcriptions', { ...REQUESTS, ...KEY, 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` }, body);
}

/** An image, by the engine `openai`. */
export function image(size: string): RecordedRequest {
  const body = { model: 'text-to-image', prompt: 'a lighthouse', n: 1, size, response_format: 'b64_json' };
  return post('/images/generations', { ...AIOHTTP, ...KEY, ...JSON_TYPE }, JSON.stringify(body));
}

/** The eject button of a connection whose provider is llama.cpp. */
export const unload = post('/models/unload', { ...AIOHTTP, ...JSON_TYPE, ...KEY }, JSON.stringify({ model: MODEL }));

/** Of a connection to Ollama. */
export const ollama = {
  version: get('/api/version', AIOHTTP),
  tags: get('/api/tags', { ...AIOHTTP, ...KEY }),
  ps: get('/api/ps', { ...AIOHTTP, ...KEY }),
  chat: post('/api/chat', { ...AIOHTTP, ...JSON_TYPE, ...KEY, ...USER }, JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Why is the sky blue?' }], stream: true })),
  embed: post('/api/embed', { ...AIOHTTP, ...JSON_TYPE, ...KEY }, JSON.stringify({ input: ['one', 'two'], model: MODEL, truncate: true })),
} as const;

const BROWSER = { ...AIOHTTP, 'User-Agent': 'Mozilla/5.0', ...KEY };

/** Of the image engine `comfyui`. */
export const comfyui = {
  clientId: '5f1a7f3e-6a43-4a3f-8f6e-9e1ec3b0a8d2',
  /** Of its WebSocket. */
  headers: KEY,
  objectInfo: get('/object_info', { ...AIOHTTP, ...KEY }),
  prompt: (): RecordedRequest => {
    const { prompt }: { prompt: unknown } = JSON.parse(demoRequest('image').body.toString());
    return post('/prompt', { ...BROWSER, ...JSON_TYPE }, JSON.stringify({ prompt, client_id: comfyui.clientId }));
  },
  history: (id: string): RecordedRequest => get(`/history/${id}`, BROWSER),
  view: (query: URLSearchParams): RecordedRequest => get(`/view?${query}`, KEY),
} as const;

function get(path: string, headers: RecordedRequest['headers']): RecordedRequest {
  return { method: 'GET', path, headers };
}

function post(path: string, headers: RecordedRequest['headers'], body: string | Buffer): RecordedRequest {
  return { method: 'POST', path, headers, body };
}
