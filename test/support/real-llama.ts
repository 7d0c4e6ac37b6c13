import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isObject } from '../../lib/demo/servers/http.ts';
import { request } from './http.ts';
import type { ModelStats } from './real-llama-model.ts';
import { untilAsked } from './until.ts';

/** A real model behind the API of llama-server, in a process of its own, so that its work does not hold up the test. */
export interface RealLlama {
  readonly url: string;
  stats(): Promise<ModelStats>;
  /** Resolves when the model's work so far is as `wanted` says. */
  until(wanted: (stats: ModelStats) => boolean): Promise<void>;
  /** Resolves when it rests; what it has done until then no longer counts. */
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** `$MGPU_TEST_MODEL`, else where the project keeps its model: beside the repository, as it is not part of it. */
const MODEL = process.env['MGPU_TEST_MODEL'] ?? fileURLToPath(new URL('../../../shared/models/stories260K.gguf', import.meta.url));
const SERVER = fileURLToPath(new URL('real-llama-server.ts', import.meta.url));

/** Why there is no real model here; null: there is one. */
export function whyNoModel(): string | null {
  return existsSync(MODEL) ? null : `there is no model at ${MODEL}; MGPU_TEST_MODEL can name a GGUF file`;
}

/** Starts it; resolves when it listens. */
export async function startRealLlama(): Promise<RealLlama> {
  const child = fork(SERVER, [MODEL], { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
  const exited = once(child, 'exit');
  const told = await Promise.race([once(child, 'message'), exited.then(() => [null])]);
  const url = `http://127.0.0.1:${portIn(told[0])}`;
  const stats = async (): Promise<ModelStats> => JSON.parse((await request({ url: `${url}/stats` })).body);
  const until = (wanted: (stats: ModelStats) => boolean): Promise<void> => untilAsked(async () => wanted(await stats()));
  return {
    url,
    stats,
    until,
    forget: async () => {
      await until(({ running }) => running === 0);
      await request({ url: `${url}/stats`, method: 'DELETE' });
    },
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function portIn(told: unknown): number {
  if (isObject(told) && typeof told['listening'] === 'number') return told['listening'];
  throw new Error(`the real model did not start; expected its port, got ${JSON.stringify(told)}`);
}
