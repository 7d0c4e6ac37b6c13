import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { errorCode } from '../error-code.ts';

/** The daemon that manages a card. */
export interface Holder {
  readonly pid: number;
  /** Its address, or null while it does not listen yet. */
  readonly listen: string | null;
  /** Its configuration file. */
  readonly config: string;
}

export type CardLock =
  | {
      readonly ok: true;
      /** Lets another daemon have the card. */
      release(): Promise<void>;
      /** Changes what a refused daemon is told. */
      update(holder: Holder): void;
    }
  | { readonly ok: false; readonly holder: Holder | null };

/** A living holder answers in a few ms; one that is stopped or busy is not waited for. */
const ASK_LIMIT_MS = 500;
/** More than any holder says. */
const MAX_ANSWER_CHARS = 64 * 1024;
/** The holder may end between our attempt to listen and our question. */
const ATTEMPTS = 3;

/**
 * Makes us the only daemon on card `uuid`, or says who is (null: it does not tell). The lock is an abstract unix socket: the
 * kernel frees it when we end, however we end. Where there are none (not Linux) nothing is locked.
 * @throws Error if the kernel refuses the socket for another reason than that it is taken.
 */
export async function acquireCardLock(uuid: string, holder: Holder): Promise<CardLock> {
  if (process.platform !== 'linux') return { ok: true, release: async () => undefined, update: () => undefined };
  const path = `\0mgpumanager-${uuid}`;
  for (let attempt = 1; ; attempt += 1) {
    const lock = await listen(path, holder);
    if (lock !== null) return lock;
    const answer = await ask(path);
    if (answer.type === 'silent' && answer.refused && attempt < ATTEMPTS) continue;
    return { ok: false, holder: answer.type === 'told' ? answer.holder : null };
  }
}

/** null: another process has the lock. */
async function listen(path: string, holder: Holder): Promise<CardLock | null> {
  let told = holder;
  const server = createServer((socket) => tell(socket, told)).unref();
  // `exclusive`: under a cluster manager the workers would share the socket, and so the lock.
  server.listen({ path, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') return null;
    throw error;
  }
  // Without file descriptors left a client cannot be accepted; the lock holds.
  server.on('error', () => undefined);
  return { ok: true, release: () => close(server), update: (next) => void (told = next) };
}

/** The answer fits the socket's buffer, so the holder is done with a client at once, whatever that does. */
function tell(socket: Socket, holder: Holder): void {
  socket.on('error', () => undefined);
  socket.end(`${JSON.stringify(holder)}\n`, () => socket.destroy());
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

type Answer = { readonly type: 'told'; readonly holder: Holder | null } | { readonly type: 'silent'; readonly refused: boolean };

/** Asks who has the lock. Refused: nobody has it any more. */
function ask(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path).setEncoding('utf8');
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(settle, ASK_LIMIT_MS, { type: 'silent', refused: false });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n') || text.length > MAX_ANSWER_CHARS) settle({ type: 'told', holder: parseHolder(text) });
    });
    socket.once('end', () => settle({ type: 'told', holder: parseHolder(text) }));
    socket.once('error', (error) => settle({ type: 'silent', refused: errorCode(error) === 'ECONNREFUSED' }));
  });
}

function parseHolder(text: string): Holder | null {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return null;
  const listen = 'listen' in value && typeof value.listen === 'string' ? value.listen : null;
  const config = 'config' in value && typeof value.config === 'string' ? value.config : '';
  return { pid: value.pid, listen, config };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
