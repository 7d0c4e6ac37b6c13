import type { IncomingMessage } from 'node:http';
import { ComfyFiles } from './comfyui-files.ts';
import { CONTEXT_MIB, ComfyModel } from './comfyui-model.ts';
import { COMFYUI_QUIRKS } from './comfyui-quirks.ts';
import { ComfyuiRoutes, plain } from './comfyui-routes.ts';
import { ComfySockets } from './comfyui-socket.ts';
import { ComfyWorker } from './comfyui-worker.ts';
import { BodyTooLarge, createRoutedServer, send } from './http.ts';
import type { DemoServer, DemoServerOptions } from './http.ts';
import { paceOf } from './pace.ts';
import { isMain, runAsProcess } from './process.ts';
import { resolveQuirks } from './quirks.ts';
import { ProcessMemory } from './weights.ts';

/** aiohttp's. */
const KEEP_ALIVE_MS = 75_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** ComfyUI: prompts are queued and answered at once, the card works on in the background. */
export function createComfyui({ card, speed, pause = paceOf(speed), quirks: wanted }: DemoServerOptions): DemoServer {
  const quirks = resolveQuirks(COMFYUI_QUIRKS, wanted);
  const memory = new ProcessMemory(card, 'comfyui');
  const model = new ComfyModel({ memory, pause, quirks });
  const sockets = new ComfySockets(quirks.client_id_trap);
  const files = new ComfyFiles();
  const worker = new ComfyWorker({ model, files, pause, quirks, sockets });
  const allows = (request: IncomingMessage): boolean => !quirks.origin_check || !isForeign(request);
  const server = createRoutedServer({
    routes: new ComfyuiRoutes({ card, memory, worker, files, quirks }).table(),
    notFound: ({ response }) => send(response, 404, plain('404: Not Found')),
    failed: ({ response }, error) => {
      if (error instanceof BodyTooLarge) send(response, 413, plain('413: Request Entity Too Large'));
      else send(response, 500, plain('500 Internal Server Error\n\nServer got itself in trouble'));
    },
    around: async ({ request, response }, next) => {
      if (quirks.stalls_while_loading) await model.settled();
      return allows(request) ? next() : send(response, 403);
    },
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  sockets.attach(server, { allows, remaining: () => worker.remaining, nodeOf: (clientId) => worker.nodeOf(clientId) });
  return { server, prepare: () => memory.allocate(CONTEXT_MIB) };
}

/** A page of another site, seen by a server on loopback. */
function isForeign({ headers: { host = '', origin } }: IncomingMessage): boolean {
  if (origin === undefined || !LOOPBACK.test(host)) return false;
  return URL.parse(origin)?.host !== host.toLowerCase();
}

if (isMain(import.meta.url)) await runAsProcess('comfyui', createComfyui);
