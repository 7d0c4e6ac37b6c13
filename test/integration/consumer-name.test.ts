import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { request } from '../support/http.ts';
import { nodeProcess } from '../support/node-process.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { untilAsked } from '../support/until.ts';

const LIB = new URL('../../lib/', import.meta.url).href;

let folder: string;
let daemon: NodeProcess;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mgpu-name-'));
  servers = [];
});
afterEach(async () => {
  await daemon.kill();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

/** Answers everything with its address. */
async function serverAt(address: string, port: number): Promise<number> {
  const server = createServer((_req, res) => res.end(address)).listen(port, address);
  servers.push(server);
  await once(server, 'listening');
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('expected a TCP address');
  return at.port;
}

/** Where the name leads from now on; empty: nowhere. */
const lead = (address: string): void => writeFileSync(join(folder, 'address'), address);

/** A daemon whose consumer has a name, which is looked up in a file of ours. Returns its URL. */
async function daemonOf(port: number): Promise<string> {
  const file = {
    listen: '127.0.0.1:0',
    health: { interval: '20ms' },
    routing: { llm: 'one' },
    consumers: { one: { url: `http://gpu-box.test:${port}`, health: { path: '/health' }, paths: { llm: { path: '/work' } } } },
  };
  daemon = await nodeProcess(`
    import dns from 'node:dns';
    import { readFileSync } from 'node:fs';
    import { parseConfig } from '${LIB}config/load.ts';
    import { Daemon } from '${LIB}daemon.ts';
    const known = dns.lookup;
    dns.lookup = (name, options, found) => {
      if (name !== 'gpu-box.test') return known(name, options, found);
      const address = readFileSync(${JSON.stringify(join(folder, 'address'))}, 'utf8');
      if (address === '') found(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
      else if (options.all) found(null, [{ address, family: 4 }]);
      else found(null, address, 4);
    };
    const { config } = parseConfig(${JSON.stringify(JSON.stringify(file))}, 'test.yaml', {});
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const daemon = new Daemon({ config, configPath: 'test.yaml', version: 'test', logger, env: { PATH: '/nowhere' } });
    await daemon.start();
    console.log(daemon.url);
  `);
  return daemon.line();
}

test('a consumer whose name is found later, and then leads elsewhere, is asked where it leads now', async () => {
  const port = await serverAt('127.0.0.1', 0);
  await serverAt('127.0.0.2', port);
  lead('');
  const url = await daemonOf(port);
  const post = () => request({ url: `${url}/v1/llm`, method: 'POST', body: {} });
  await untilAsked(async () => (await post()).body.includes('ENOTFOUND'));
  expect((await post()).status).toBe(503);
  lead('127.0.0.1');
  await untilAsked(async () => (await post()).body === '127.0.0.1');
  lead('127.0.0.2');
  // As when the machine that had the name is gone; until then its open connections serve.
  servers[0]?.closeAllConnections();
  servers[0]?.close();
  await untilAsked(async () => (await post()).body === '127.0.0.2');
});
