import { mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsFor, startDaemon } from '../support/daemon.js';
import { Helper } from '../support/processes.js';
import { figure, table, title } from '../support/report.js';
import { GATED, UNGATED } from '../support/requests.js';

/** Between two samples, µs. */
const INTERVAL_US = 200;
const SHOWN = 25;

const GROUPS = [
  ['p-queue', /node_modules\/p-queue\//],
  ['winston', /node_modules\/(winston|winston-transport|logform|readable-stream|triple-beam|safe-stable-stringify|async|@colors)\//],
  ['httpxy, http-proxy-middleware', /node_modules\/(httpxy|http-proxy-middleware)\//],
  ['express, router', /node_modules\//],
  ['node core', /^node:/],
  ['ours', /\/dist\/lib\//],
];

export const about = 'where the CPU time of the daemon goes under 32 connections';

export async function run({ root, seconds }) {
  for (const [name, request] of [['ungated', UNGATED], ['gated', GATED]]) {
    const file = await profileOf({ root, request, seconds: Math.max(5, seconds) });
    print(name, file);
  }
}

export async function profileOf({ root, request, seconds }) {
  const dir = mkdtempSync(join(tmpdir(), 'mgpu-profile-'));
  const upstream = await Helper.start('contestants/upstream.js');
  const client = await Helper.start('contestants/clients.js');
  const port = await upstream.ask('start');
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${dir}`, `--cpu-prof-interval=${INTERVAL_US}`];
  const daemon = await startDaemon(settingsFor(port), { root, nodeArgs });
  await daemon.probed();
  await client.ask('load', { port: daemon.port, request, connections: 32, seconds });
  // The profile is written at the exit.
  await Promise.all([daemon.end(), client.end(), upstream.end()]);
  const [file] = readdirSync(dir);
  return join(dir, file);
}

function print(name, file) {
  const { functions, groups, busyMs } = selfTimes(JSON.parse(readFileSync(file, 'utf8')));
  const share = (ms) => `${((ms / busyMs) * 100).toFixed(1)} %`;
  const sorted = (map) => [...map].sort((a, b) => b[1] - a[1]);
  title(`profile, ${name}: ${figure(busyMs)} ms busy; ${file}`);
  table(['group', 'self ms', 'share'], sorted(groups).map(([group, ms]) => [group, figure(ms), share(ms)]));
  console.log('');
  table(['function', 'self ms', 'share'], sorted(functions).slice(0, SHOWN).map(([at, ms]) => [at, figure(ms), share(ms)]));
}

/** Self time by function and by group, ms; without the time in which there was nothing to do. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const [functions, groups] = [new Map(), new Map()];
  let busyMs = 0;
  samples.forEach((id, index) => {
    const frame = byId.get(id);
    const ms = (timeDeltas[index] ?? 0) / 1000;
    if (frame.functionName === '(idle)') return;
    busyMs += ms;
    add(functions, nameOf(frame), ms);
    add(groups, groupOf(frame), ms);
  });
  return { functions, groups, busyMs };
}

function add(map, key, ms) {
  map.set(key, (map.get(key) ?? 0) + ms);
}

function nameOf({ functionName, url, lineNumber }) {
  const place = url.replace(/^.*\/(node_modules|dist)\//, '');
  return `${functionName || '(anonymous)'} ${place === '' ? '' : `${place}:${lineNumber + 1}`}`;
}

function groupOf({ functionName, url }) {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (url === '') return 'native (system calls, V8)';
  return GROUPS.find(([, pattern]) => pattern.test(url))?.[0] ?? 'other';
}
