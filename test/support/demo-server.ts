import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { isObject } from '../../lib/demo/servers/http.ts';
import type { DemoServer, DemoServerOptions } from '../../lib/demo/servers/http.ts';
import { fakeCard } from './fake-card.ts';
import type { FakeCard } from './fake-card.ts';
import { request } from './http.ts';
import { HeldTime } from './held-time.ts';
import type { Answer, RequestOptions } from './http.ts';

/** A demo server in this process, on a card of its own. */
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

/** Starts a demo server on a free port. */
export async function startDemo(create: (options: DemoServerOptions) => DemoServer, totalMib = 16_376): Promise<RunningDemo> {
  const card = fakeCard({ totalMib });
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
      card.cleanup();
    },
  };
}

/** A demo server as a process of its own. */
export interface DemoProcess {
  readonly child: ChildProcess;
  readonly url: string;
  stop(): Promise<void>;
}

/** How fast they run. */
const SPEED = 50;

/** Starts `lib/demo/servers/NAME.ts` as the demo does, and waits until it listens. `extra`: further arguments; the last one of a name counts. */
export async function forkDemo(name: string, card: FakeCard, ...extra: readonly string[]): Promise<DemoProcess> {
  const path = fileURLToPath(new URL(`../../lib/demo/servers/${name}.ts`, import.meta.url));
  const child = fork(path, ['--port', '0', '--card', card.dir, '--speed', String(SPEED), ...extra], { stdio: 'ignore', execArgv: [] });
  const listening = await new Promise<unknown>((resolve) => child.once('message', resolve));
  const port = isObject(listening) ? listening['listening'] : undefined;
  if (typeof port !== 'number') throw new Error(`expected a port, got ${JSON.stringify(listening)}`);
  const exited = once(child, 'exit');
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error(`expected a TCP address, got ${JSON.stringify(address)}`);
}
