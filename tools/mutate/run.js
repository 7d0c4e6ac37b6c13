#!/usr/bin/env node
// Changes the code in small ways and sees whether a test notices. `node tools/mutate/run.js --help`
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../../bench/support/report.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPORT = 'coverage/mutation/report.json';
/** Share of the mutants that some test must notice, %. */
const LEAST = 90;
const FILES = ['lib/core/*.ts', ...['gate', 'lanes', 'admission', 'evictor', 'outlooks'].map((name) => `lib/gpu/${name}.ts`)];

const HELP = `node tools/mutate/run.js [FILE…]

  FILE   source files; by default ${FILES.join(', ')}

One file after the other, with the unit tests of its folder that import it. Prints what no test has noticed, and exits 1 if less than ${LEAST} %
of all was noticed. All of it takes more than half an hour.`;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h', default: false } } });

if (values.help) console.log(HELP);
else process.exitCode = await main(positionals.length === 0 ? globSync(FILES, { cwd: ROOT }).sort() : positionals);

async function main(files) {
  const rows = [];
  for (const file of files) {
    const mutants = await mutantsOf(file);
    if (mutants.length === 0) continue;
    rows.push({ file, all: mutants.length, unnoticed: mutants.filter(isUnnoticed) });
    printUnnoticed(rows.at(-1));
  }
  rows.push({ file: 'all', all: sum(rows, ({ all }) => all), unnoticed: rows.flatMap(({ unnoticed }) => unnoticed) });
  console.log('');
  table(['file', 'mutants', 'unnoticed', '% noticed'], rows.map((row) => [row.file, row.all, row.unnoticed.length, score(row).toFixed(1)]));
  return score(rows.at(-1)) >= LEAST ? 0 : 1;
}

/** What became of each change to `file`. Mutants that do not run at all are left out, as they prove nothing. */
async function mutantsOf(file) {
  const program = join(dirname(createRequire(import.meta.url).resolve('@stryker-mutator/core/package.json')), 'bin/stryker.js');
  const args = [program, 'run', 'tools/mutate/stryker.config.js', '--mutate', file, '--logLevel', 'error'];
  const env = { ...process.env, MUTATE_FOLDER: basename(dirname(file)) };
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`stryker ended with ${code} at ${file}`);
  const { files } = JSON.parse(readFileSync(join(ROOT, REPORT), 'utf8'));
  const [report] = Object.values(files);
  const { source, mutants = [] } = report ?? {};
  return mutants.filter(({ status }) => !status.endsWith('Error')).map((mutant) => ({ ...mutant, line: source.split('\n')[mutant.location.start.line - 1] }));
}

function isUnnoticed({ status }) {
  return status === 'Survived' || status === 'NoCoverage';
}

function printUnnoticed({ file, unnoticed }) {
  for (const { line, location, replacement, mutatorName, status } of unnoticed) {
    const { start } = location;
    console.log(`${file}:${start.line}:${start.column} ${mutatorName}${status === 'NoCoverage' ? ', reached by no test' : ''}`);
    console.log(`    ${line.trim()}\n    ${(replacement ?? '').split('\n')[0]}`);
  }
}

function score({ all, unnoticed }) {
  return (1 - unnoticed.length / all) * 100;
}

function sum(items, pick) {
  return items.reduce((total, item) => total + pick(item), 0);
}
