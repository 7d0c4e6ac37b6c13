#!/usr/bin/env node
// Hostile input and hostile circumstances against the real daemon as a process. `node tools/harden/run.js --help`
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Goals, title } from '../../bench/support/report.js';
import { atDescriptors, atZero, leastDescriptors } from '../support/rest.js';
import { ask } from '../support/http.js';
import { startScene } from './scene.js';

const PARTS = ['naughty', 'traversal', 'slow', 'slowhttptest', 'autocannon', 'output', 'promtool', 'clock', 'suspend', 'frozen', 'vanish'];
/** Run by `vanish` in a network of their own. */
const INNER = ['vanish-inside'];

const HELP = `node tools/harden/run.js [PART…] [--no-download]

  PART           ${PARTS.join(', ')}; all of them by default
  --no-download  only with what is installed. Otherwise Debian's slowhttptest, prometheus, libfaketime and wfuzz (its word lists) are downloaded
                 into build/debian if they are not; the system stays as it is

Run \`npm run build\` first. A part whose tool cannot be had is skipped, and says why. Exits 1 if a goal is missed.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'no-download': { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
});

if (values.help) console.log(HELP);
else process.exitCode = await main(positionals.length === 0 ? PARTS : positionals);

async function main(names) {
  const unknown = names.filter((name) => ![...PARTS, ...INNER].includes(name));
  if (unknown.length > 0) {
    console.error(`no such part: ${unknown.join(', ')}\n\n${HELP}`);
    return 2;
  }
  const goals = new Goals();
  const skipped = [];
  for (const name of names) {
    const why = await runPart(name, goals);
    if (why !== null) skipped.push(`${name}: ${why}`);
  }
  goals.print();
  for (const line of skipped) console.log(`\nskipped ${line}`);
  return goals.missed === 0 ? 0 : 1;
}

/** Returns why it was skipped, or null. */
async function runPart(name, goals) {
  const part = await import(`./${name}.js`);
  title(`${name}: ${part.about}`);
  const needs = (await part.needs?.({ mayDownload: !values['no-download'] })) ?? {};
  if (needs.missing !== undefined) return needs.missing;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const scene = await startScene({ root, ...needs });
  try {
    const before = await leastDescriptors(scene.daemon);
    await part.run({ ...scene, needs, goals: named(name, goals) });
    await lookAfter(scene, { goals: named(name, goals), before });
    goals.atMost(`${name}: exit code after SIGTERM`, 0, { measured: (await scene.daemon.end()) ?? Infinity });
  } finally {
    await scene.end();
  }
  return null;
}

/** What must hold after every part. */
async function lookAfter({ daemon }, { goals, before }) {
  goals.atLeast('same process', 1, { measured: Number(daemon.isAlive) });
  if (!daemon.isAlive) return;
  const { waiting, running, leases } = await atZero(daemon);
  goals.atMost('waiting, running and leases afterwards', 0, { measured: waiting + running + leases });
  goals.atMost('descriptors more than before', 0, { measured: (await atDescriptors(daemon, before)) - before });
  goals.atMost('/healthz without 200', 0, { measured: Number((await ask(daemon.port, { path: '/healthz' })).status !== 200) });
  const lines = daemon.takeLog().split('\n').slice(0, -1);
  goals.atMost('lines of the log that are no JSON on one line', 0, { measured: lines.filter((line) => !isCleanJson(line)).length });
  const errors = lines.filter((line) => line.includes('"level":"error"'));
  goals.atMost('lines of level error', 0, { measured: errors.length });
  for (const line of errors.slice(0, 5)) console.log(`logged: ${line.slice(0, 500)}`);
}

function isCleanJson(line) {
  // Control characters, also those of terminals that have eight bits.
  if (/[\x00-\x1f\x7f-\x9f]/.test(line)) return false;
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}

function named(name, goals) {
  const add = (kind) => (what, limit, measured) => goals[kind](`${name}: ${what}`, limit, measured);
  return { atMost: add('atMost'), atLeast: add('atLeast') };
}
