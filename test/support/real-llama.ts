import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { request } from './http.ts';
import { nodeProcess } from './node-process.ts';
import type { ModelStats } from './real-llama-model.ts';
import { untilAsked } from './until.ts';

/** A real model behind the API of llama-server, in a process of its own, so that its work does not hold up the test. */
export interface RealLlama {
  readonly url: string;
  stats(): Promise<ModelStats>;
  /** Resolves when the model's work so far is as `wanted` says. */
  until(wanted: (stats: ModelStats) => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** `$MGPU_TEST_MODEL`, else where the project keeps its model: beside the repository, as it is not part of it. */
const MODEL = process.env['MGPU_TEST_MODEL'] ?? fileURLToPath(new URL('../../../shared/models/stories260K.gguf', import.meta.url));
const SERVER = new URL('real-llama-server.ts', import.meta.url).href;

/** Why there is no real model here; null: there is one. */
export function whyNoModel(): string | null {
  return existsSync(MODEL) ? null : `there is no model at ${MODEL}; MGPU_TEST_MODEL can name a GGUF file`;
}

/** Starts it; resolves when it listens. */
export async function startRealLlama(): Promise<RealLlama> {
  const server = await nodeProcess(`
    import { serveRealLlama } from ${JSON.stringify(SERVER)};
    console.log(await serveRealLlama(${JSON.stringify(MODEL)}));
  `);
  const port = Number(await server.line());
  if (!Number.isInteger(port)) throw new Error('the real model did not start');
  const url = `http://127.0.0.1:${port}`;
  const stats = async (): Promise<ModelStats> => JSON.parse((await request({ url: `${url}/stats` })).body);
  return { url, stats, until: (wanted) => untilAsked(async () => wanted(await stats())), stop: () => server.kill() };
}
