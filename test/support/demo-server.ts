import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CardMemory } from '../../lib/demo/card.ts';
import { isObject } from '../../lib/demo/servers/http.ts';
import type { DemoServer, DemoServerOptions } from '../../lib/demo/servers/http.ts';
import { fakeCard, isAlive } from './fake-card.ts';
import type { FakeCard } from './fake-card.ts';
import { request } from './http.ts';
import { HeldTime } from './held-time.ts';
import type { Answer, RequestOptions } from './http.ts';

/** A demo server in this process, on a card of its own or on one that it shares. */
export interface RunningDemo {
  readonly card: FakeCard;
  /** Its time, which takes none unless it is held. */
  readonly time: HeldTime;
  readonly server: Server;
  /** Requests whose heads have come in. */
  readonly seen: () => number;
  readonly port: number;
  readonly url: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: RequestOptions['headers']): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a demo server on a free port. `place`: a card of its own with so many MiB, or a shared one, whose maker takes it away. */
export async function startDemo(create: (options: DemoServerOptions) => DemoServer, place: number | FakeCard = 16_376): Promise<RunningDemo> {
  const card = typeof place === 'number' ? fakeCard({ totalMib: place }) : place;
  const time = new HeldTime();
  const { server, prepare } = create({ card: card.memory, pause: time.pause });
  let seen = 0;
  server.on('request', () => (seen += 1));
  await prepare();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = portOf(server);
  const url = `http://127.0.0.1:${port}`;
  return {
    card,
    time,
    server,
    seen: () => seen,
    port,
    url,
    get: (path, headers = {}) => request({ url: url + path, headers }),
    post: (path, body, headers = {}) => request({ url: url + path, method: 'POST', body, headers }),
    stop: async () => {
      time.go();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      if (typeof place === 'number') card.cleanup();
    },
  };
}

/** A card for several servers of this process. Its tools see them as one process, and so the broker cannot tell who holds what. */
export function sharedCard(totalMib: number): FakeCard {
  const card = fakeCard({ totalMib });
  const memory = new SharedMemory(card.dir);
  return { ...card, memory, hold: (name, mib, pid) => memory.hold(name, mib, pid) };
}

/** What servers of this process hold, by name; the card keeps the sum. */
class SharedMemory extends CardMemory {
  readonly #held = new Map<string, number>();

  override hold(name: string, mib: number, pid: number = process.pid): void {
    if (pid !== process.pid) return super.hold(name, mib, pid);
    this.#held.set(name, mib);
    super.hold('servers', [...this.#held.values()].reduce((sum, each) => sum + each, 0), pid);
  }

  override allocate(name: string, mib: number): void {
    const freeMib = this.freeMib();
    if (mib > freeMib) throw new Error(`CUDA out of memory. Tried to allocate ${mib} MiB, of which ${freeMib} MiB are free.`);
    this.hold(name, (this.#held.get(name) ?? 0) + mib);
  }
}

/** A demo server as a process of its own. */
export interface DemoProcess {
  readonly child: ChildProcess;
  readonly url: string;
  stop(): Promise<void>;
}

/** How fast they run. */
const SPEED = 50;

/**
 * Starts `lib/demo/servers/NAME.ts` as the demo does, and waits until it listens. `extra`: further arguments; the last one of a name counts.
 * @throws Error when it ends before that.
 */
export async function forkDemo(name: string, card: FakeCard, ...extra: readonly string[]): Promise<DemoProcess> {
  const child = fork(serverPath(name), ['--port', '0', '--card', card.dir, '--speed', String(SPEED), ...extra], { stdio: 'ignore', execArgv: [] });
  const exited = once(child, 'exit');
  const tooEarly = exited.then(([code]) => Promise.reject(new Error(`${name} ended with exit code ${code} before it listened`)));
  const [listening]: unknown[] = await Promise.race([once(child, 'message'), tooEarly]);
  const port = isObject(listening) ? listening['listening'] : undefined;
  if (typeof port !== 'number') throw new Error(`expected a port, got ${JSON.stringify(listening)}`);
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Commands that stop a forked server and start it again at its port, as those of a unit do. */
export interface UnitCommands {
  readonly load: { readonly command: readonly string[]; readonly timeout: string };
  readonly unload: { readonly command: readonly string[] };
  /** Ends whichever process runs now. */
  end(): void;
}

/** The pid of the process that runs now is in a file beside the card. */
export function unitCommands(name: string, { child, url }: DemoProcess, card: FakeCard): UnitCommands {
  const file = join(card.dir, `${name}.pid`);
  writeFileSync(file, String(child.pid));
  const argv = [process.execPath, serverPath(name), '--port', new URL(url).port, '--card', card.dir, '--speed', String(SPEED)];
  return {
    load: { command: ['sh', '-c', `'${argv.join("' '")}' >/dev/null 2>&1 & echo $! >'${file}'`], timeout: '10s' },
    unload: { command: ['sh', '-c', `kill "$(cat '${file}')"`] },
    end: () => {
      const pid = Number(readFileSync(file, 'utf8'));
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    },
  };
}

function serverPath(name: string): string {
  return fileURLToPath(new URL(`../../lib/demo/servers/${name}.ts`, import.meta.url));
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error(`expected a TCP address, got ${JSON.stringify(address)}`);
}
