import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';

const require = createRequire(import.meta.url);

/** What a reader has to know before comparing figures with those of another machine. */
export function printMachine(root) {
  const [cpu] = cpus();
  const packages = ['express', 'http-proxy-middleware', 'p-queue', 'winston'].map((name) => `${name} ${versionOf(name)}`);
  console.log(`date      ${new Date().toISOString()}`);
  console.log(`cpu       ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`);
  console.log(`system    Linux ${release()}, node ${process.version}, ${packages.join(', ')}`);
  console.log(`commit    ${commitOf(root)}`);
  console.log(`load      ${load()} (everything, load generator too, shares these cores)`);
}

/** Load averages of 1 and 5 minutes. */
export function load() {
  return loadavg().slice(0, 2).map((value) => value.toFixed(2)).join(' ');
}

/** Ticks of the whole machine: all, those of programs, and those that the hypervisor gave to others. null: not Linux. */
export function ticks() {
  try {
    const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
    const [idle, wait] = fields.slice(3, 5);
    const all = fields.slice(0, 8).reduce((sum, each) => sum + each, 0);
    return { all, stolen: fields[7], busy: all - idle - wait - fields[7] };
  } catch {
    return null;
  }
}

function versionOf(name) {
  // Not all of these export their package.json.
  let folder = require.resolve(name);
  for (;;) {
    folder = folder.slice(0, folder.lastIndexOf('/'));
    try {
      const { name: found, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      if (found === name) return version;
    } catch {
      if (folder === '') return '?';
    }
  }
}

function commitOf(root) {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'lib') === '' ? '' : ' with changes in lib/'}`;
  } catch {
    return 'unknown';
  }
}
