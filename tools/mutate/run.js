#!/usr/bin/env node
// Changes the code in small ways and sees whether a test notices. `node tools/mutate/run.js --help`
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printMachine } from '../../bench/support/machine.js';
import { readResults, printSurvivors, printTable, scoreOf } from './results.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Share of the changes that some test must notice, %. */
const LEAST = 90;
const GATE = ['admissible', 'admission', 'evictor', 'gate', 'lane-queue', 'lanes', 'outlooks', 'places', 'refusals', 'ticket'];
const FILES = ['lib/core/*.ts', ...GATE.map((name) => `lib/gpu/${name}.ts`)];

const HELP = `node tools/mutate/run.js [--concurrency N] [--incremental] [FILE…]

  FILE           source files; by default lib/core and what the gate is made of
  --concurrency  how many changes are tried at a time (default 1)
  --incremental  keep what the run before found, as far as neither the change nor the tests that reach it are others

Runs the tests of test/unit/core and test/unit/gpu, and the few others that know lib/core, against each change. Prints what no test noticed, then a table, and exits 1 if
less than ${LEAST} % was noticed. Everything takes an hour or more of one core that has nothing else to do.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '1' },
    incremental: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(HELP);
else process.exitCode = await main(positionals.length === 0 ? globSync(FILES, { cwd: ROOT }).sort() : positionals.map((file) => relative(ROOT, resolve(file))));

async function main(files) {
  const missing = files.filter((file) => !existsSync(join(ROOT, file)));
  if (missing.length > 0) throw new Error(`there is no ${missing.join(', ')}`);
  printMachine(ROOT);
  await mutate(files);
  const results = readResults(ROOT, files);
  if (results.length === 0) throw new Error(`nothing to change in ${files.join(', ')}: types alone`);
  printSurvivors(results);
  printTable(results);
  return scoreOf(results) >= LEAST ? 0 : 1;
}

async function mutate(files) {
  const program = join(dirname(createRequire(import.meta.url).resolve('@stryker-mutator/core/package.json')), 'bin/stryker.js');
  const options = ['--mutate', files.join(','), '--concurrency', values.concurrency, ...(values.incremental ? ['--incremental'] : [])];
  const child = spawn(process.execPath, [program, 'run', 'tools/mutate/stryker.config.js', ...options], { cwd: ROOT, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`Stryker ended with ${code}`);
}
