#!/usr/bin/env node
// A long run of the real daemon under mixed traffic and faults: does it come back to where it was? `node tools/soak/run.js --help`
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { printMachine } from '../../bench/support/machine.js';
import { atRest, leastCensus } from '../support/rest.js';
import { Disturber } from './disturbances.js';
import { report } from './report.js';
import { Samples } from './samples.js';
import { startScene } from './scene.js';

const HELP = `node tools/soak/run.js [--minutes N] [--clients N] [--seed N] [--samples]

  --minutes  length of the run (default 10); a quarter of it, at most one minute, comes before as warm-up
  --clients  how many clients do one thing after another (default 32)
  --seed     of what they do (default 1)
  --samples  print every sample as well

Run \`npm run build\` first. Exits 1 if a goal is missed.`;

const WARM_UP_MS = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    samples: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(HELP);
else process.exitCode = await main();

async function main() {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  printMachine(root);
  const scene = await startScene(root);
  try {
    const result = await soak(scene, { runMs: Number(values.minutes) * 60_000, count: Number(values.clients), seed: Number(values.seed) });
    if (values.samples) for (const sample of result.samples) console.log(JSON.stringify(sample));
    return report(result) ? 0 : 1;
  } finally {
    await scene.end();
  }
}

async function soak(scene, { runMs, count, seed }) {
  const { daemon } = scene;
  const { pid } = daemon;
  await traffic(scene, { ms: Math.min(runMs / 4, WARM_UP_MS), count, seed });
  const before = { rest: await atRest(daemon), census: await leastCensus(daemon) };
  const samples = new Samples();
  const startedAt = performance.now();
  const { seen, done } = await traffic(scene, { ms: runMs, count, seed: seed + count, samples });
  const seconds = (performance.now() - startedAt) / 1000;
  const after = { rest: await atRest(daemon), census: await leastCensus(daemon, before.census) };
  const isSame = daemon.isAlive && daemon.pid === pid;
  return { before, after, seen, done, seconds, samples: samples.all, errors: samples.errors, isSame };
}

/** Clients and disturbances for so long, both until they have ended what they were at; samples only while all of them are at it. */
async function traffic(scene, { ms, count, seed, samples }) {
  const disturber = new Disturber();
  await scene.traffic.ask('start', { port: scene.daemon.port, count, seed });
  disturber.start(scene);
  samples?.start(scene.daemon);
  await delay(ms);
  await samples?.stop();
  await disturber.stop(scene);
  return { seen: await scene.traffic.ask('stop'), done: disturber.done };
}
