import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The simulated servers, by the name of their module. */
export const SERVERS = ['mvoice', 'whisper', 'ollama', 'comfyui'] as const;
export type ServerName = (typeof SERVERS)[number];

/** A server that takes longer than this to listen will not come. ms. */
const START_LIMIT_MS = 15_000;

/** The simulated servers, each a process of its own. They end with this one, also when it is killed. */
export class Fleet {
  readonly #card: string;
  readonly #children = new Map<ServerName, ChildProcess>();
  readonly #ports = new Map<ServerName, number>();

  /** @param card folder of the simulated card */
  constructor(card: string) {
    this.#card = card;
  }

  /** Starts a server; again on the port that it had. Resolves when it listens. */
  async start(name: ServerName): Promise<void> {
    if (this.#children.has(name)) return;
    // The same kind of file as this one: built, or as it was written.
    const module = join(import.meta.dirname, 'servers', `${name}${import.meta.filename.endsWith('.ts') ? '.ts' : '.js'}`);
    const child = fork(module, ['--port', String(this.#ports.get(name) ?? 0), '--card', this.#card], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#children.set(name, child);
    child.once('exit', () => this.#children.delete(name));
    const said: unknown[] = await once(child, 'message', { signal: AbortSignal.timeout(START_LIMIT_MS) });
    this.#ports.set(name, portIn(said[0]));
  }

  /** Ends a server. Resolves when its process is gone, and with it its memory. */
  async stop(name: ServerName): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }

  async stopAll(): Promise<void> {
    await Promise.all(SERVERS.map((name) => this.stop(name)));
  }

  url(name: ServerName): string {
    return `http://127.0.0.1:${this.#ports.get(name) ?? 0}`;
  }
}

function portIn(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'listening' in message && typeof message.listening === 'number') return message.listening;
  throw new Error(`a simulated server said ${JSON.stringify(message)} instead of where it listens`);
}
