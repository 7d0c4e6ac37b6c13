// An inference server that holds memory of the simulated card, if there is one, and misbehaves as the header X-Fake of a request says.
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { answerParent } from '../../bench/support/child.js';
import { ways } from './ways.js';

const { FAKE_ROOT: root, FAKE_CARD: card, FAKE_NAME: name, FAKE_MIB: mib } = process.env;
const memory = card === undefined ? null : new (await import(`${root}/dist/lib/demo/card.js`)).CardMemory(card);
/** Request targets, each once. */
const targets = new Set();

const HOOKS = {
  '/load': () => memory?.hold(name, Number(mib)),
  '/unload': () => memory?.hold(name, 0),
};

const server = http.createServer(async (req, res) => {
  res.on('error', () => undefined);
  targets.add(req.url);
  HOOKS[req.url]?.();
  const way = ways[req.headers['x-fake']] ?? ways.whole;
  await way(req, res).catch(() => res.destroy());
});
server.on('upgrade', (req, socket) => {
  socket.on('error', () => socket.destroy());
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: soak\r\n\r\n');
  socket.pipe(socket);
});
server.on('clientError', (_error, socket) => socket.destroy());

async function listen(port, host) {
  server.listen(port, host);
  await once(server, 'listening');
  return server.address().port;
}

answerParent({
  start: (host) => listen(0, host),
  targets: () => [...targets],
  /** Refuses connections for a while, and has lost its weights, as a server that restarts. */
  async refuse(ms) {
    const { port, address } = server.address();
    memory?.hold(name, 0);
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    await delay(ms);
    return listen(port, address);
  },
});
