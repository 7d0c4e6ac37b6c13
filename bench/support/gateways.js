// Proxies that nobody here wrote, each as one process with one thread before one upstream.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { programFromDebian } from '../../tools/support/debian.js';
import { endProcess } from './processes.js';

/** A gateway that does not listen by then never will. */
const START_LIMIT_MS = 10_000;
/** Names the command of a further gateway; `{port}` and `{target}` in it are replaced. */
const VARIABLE = 'MGPU_BENCH_GATEWAY';

const DEBIAN = {
  nginx: {
    // Debian's nginx reads its modules and temporary folders from places of its own.
    settings: (port, target, dir) => `daemon off; master_process off; pid ${dir}/pid; error_log stderr crit;
      events { worker_connections 4096; }
      http { access_log off; keepalive_requests 1000000000;
        client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
        client_max_body_size 0;
        upstream one { server ${target.host}; keepalive 256; keepalive_requests 1000000000; }
        server { listen 127.0.0.1:${port}; location / { proxy_pass http://one; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
    args: (file, dir) => ['-c', file, '-p', dir],
  },
  haproxy: {
    settings: (port, target) => `global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always
frontend in\n  bind 127.0.0.1:${port}\n  default_backend out\nbackend out\n  server one ${target.host} maxconn 256\n`,
    args: (file) => ['-f', file, '-db'],
  },
};

/** Starts those that can be had, before `http://127.0.0.1:<upstream>`: `{name, pid, port, end}` each. Says which could not, and why. */
export async function startGateways(upstream) {
  const target = new URL(`http://127.0.0.1:${upstream}`);
  const started = [];
  for (const [name, { settings, args }] of Object.entries(DEBIAN)) {
    const { program, env, missing } = programFromDebian(name, true);
    if (missing !== undefined) {
      console.log(`without ${name}: ${missing}`);
      continue;
    }
    const port = await freePort();
    const dir = mkdtempSync(join(tmpdir(), `mgpu-bench-${name}-`));
    const file = join(dir, 'settings');
    mkdirSync(join(dir, 'logs'));
    writeFileSync(file, settings(port, target, dir));
    started.push(await start({ name, port, dir, command: [program, ...args(file, dir)], env }));
  }
  const further = process.env[VARIABLE];
  if (further !== undefined) started.push(await startFurther(further, target));
  return started;
}

async function startFurther(text, target) {
  const port = await freePort();
  const command = text.split(/\s+/).map((word) => word.replaceAll('{port}', String(port)).replaceAll('{target}', target.origin));
  return start({ name: 'further', port, dir: null, command, env: {} });
}

async function start({ name, port, dir, command: [program, ...args], env }) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  const end = async () => {
    await endProcess(child);
    if (dir !== null) rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', () => child.kill('SIGKILL'));
  if (!(await listens(port, child))) {
    await end();
    throw new Error(`${name} does not listen on ${port}: ${[program, ...args].join(' ')}`);
  }
  return { name, pid: child.pid, port, end };
}

async function listens(port, child) {
  const until = performance.now() + START_LIMIT_MS;
  while (child.exitCode === null && performance.now() < until) {
    const socket = net.connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(() => true, () => false);
    socket.destroy();
    if (isOpen) return true;
    await delay(20);
  }
  return false;
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
