// What `systemctl --user start|stop` is to a real box: asks the demo to start or stop the simulated whisper-server.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { isMain } from './servers/process.ts';

/** What can be asked for. */
export type UnitAction = 'start' | 'stop';

/** Answers `start` and `stop` on a unix socket at `path`. */
export async function serveUnit(path: string, act: (action: UnitAction) => Promise<void>): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (asked) => {
      const action: UnitAction = asked.toString() === 'start' ? 'start' : 'stop';
      act(action).then(
        () => socket.end('ok'),
        (error: unknown) => socket.end(String(error)),
      );
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

if (isMain(import.meta.url)) {
  const [action = '', path = ''] = process.argv.slice(2);
  const socket = connect(path, () => socket.write(action));
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  await once(socket, 'close');
  if (answer !== 'ok') {
    process.stderr.write(`${answer}\n`);
    process.exitCode = 1;
  }
}
