import { isOwnName } from './comfyui-files.ts';
import type { ComfyFiles, FileName } from './comfyui-files.ts';
import { Refusal, readBody, send, sendJson } from './http.ts';
import type { Exchange, Handler } from './http.ts';
import { parseMultipart } from './multipart.ts';
import type { Part } from './multipart.ts';

const TYPES: Readonly<Record<string, string>> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', webp: 'image/webp', gif: 'image/gif' };

/** The routes that fetch and bring files. */
export function fileRoutes(files: ComfyFiles): readonly [string, Handler][] {
  return [
    ['GET /view', (exchange) => view(exchange, files)],
    ['POST /upload/image', (exchange) => upload(exchange, files)],
  ];
}

function view({ response, query }: Exchange, files: ComfyFiles): void {
  const name = { filename: query.get('filename') ?? '', subfolder: query.get('subfolder') ?? '', type: query.get('type') ?? 'output' };
  if (name.filename === '') return send(response, 404);
  if (!isOwnName(name)) return send(response, 400);
  const body = files.read(name);
  if (body === undefined) return send(response, 404);
  response.setHeader('Content-Disposition', `filename="${name.filename}"`);
  send(response, 200, { type: TYPES[name.filename.split('.').at(-1) ?? ''] ?? 'application/octet-stream', body });
}

async function upload({ request, response }: Exchange, files: ComfyFiles): Promise<void> {
  const parts = parseMultipart(request.headers['content-type'], await readBody(request)) ?? [];
  const image = parts.find(({ name }) => name === 'image');
  if (image === undefined || !image.filename) throw new Refusal(400);
  const name: FileName = { filename: image.filename, subfolder: textOf(parts, 'subfolder') ?? '', type: textOf(parts, 'type') ?? 'input' };
  if (!isOwnName(name)) throw new Refusal(400);
  const { filename, subfolder, type } = files.upload(name, image.bytes, ['true', '1'].includes(textOf(parts, 'overwrite') ?? ''));
  sendJson(response, 200, { name: filename, subfolder, type });
}

function textOf(parts: readonly Part[], wanted: string): string | undefined {
  return parts.find(({ name }) => name === wanted)?.bytes.toString();
}
