#!/usr/bin/env node
// Runs the benches and says which goals are met. `node bench/run.js --help`
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load, printMachine, ticks } from './support/machine.js';
import { Goals, title } from './support/report.js';

const NAMES = ['proxy', 'streams', 'rest', 'stale', 'handoff', 'cancel', 'waiters', 'bodies', 'scan', 'models', 'evict', 'watched', 'mixed'];

const HELP = `node bench/run.js [NAME…] [--rounds N] [--seconds S] [--also DIR] [--no-pin]

  NAME       ${NAMES.join(', ')}; all of them by default. Or: profile
  --rounds   how often each contestant takes its turn (default 5)
  --seconds  length of one turn under load (default 0.5)
  --also     another built checkout, measured beside this one (proxy only)
  --no-pin   leave it to the system who runs on which core (proxy only)

MGPU_BENCH_GATEWAY='COMMAND {port} {target}' measures a further proxy beside the others (proxy only): it listens on 127.0.0.1:{port}.

Run \`npm run build\` first. Everything runs on 127.0.0.1 and ends by itself.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.5' },
    also: { type: 'string' },
    'no-pin': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(HELP);
else process.exitCode = await main(positionals.length === 0 ? NAMES : positionals);

async function main(names) {
  const unknown = names.filter((name) => !NAMES.includes(name) && name !== 'profile');
  if (unknown.length > 0) {
    console.error(`no such bench: ${unknown.join(', ')}\n\n${HELP}`);
    return 2;
  }
  const goals = new Goals();
  const root = fileURLToPath(new URL('..', import.meta.url));
  const also = values.also === undefined ? undefined : resolve(values.also);
  const options = { root, also, pin: !values['no-pin'], rounds: Number(values.rounds), seconds: Number(values.seconds), goals };
  const [before, startedAt] = [ticks(), performance.now()];
  printMachine(root);
  for (const name of names) {
    const bench = await import(`./benches/${name}.js`);
    title(`${name}: ${bench.about}`);
    await bench.run(options);
  }
  goals.print();
  printEnd(before, startedAt);
  return 0;
}

function printEnd(before, startedAt) {
  const after = ticks();
  const stolen = before === null ? 0 : (after.stolen - before.stolen) / (after.all - before.all);
  console.log(`\ntook ${Math.round((performance.now() - startedAt) / 1000)} s; load now ${load()}; the hypervisor took ${(stolen * 100).toFixed(1)} %`);
}
