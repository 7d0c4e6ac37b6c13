// Programs and files of Debian packages, without installing anything: what the machine has is used; the rest is downloaded and unpacked
// into a folder of the checkout.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Git-ignored. What is in it is used again by the next run. */
const FOLDER = fileURLToPath(new URL('../../build/debian', import.meta.url));
const ROOT = join(FOLDER, 'root');
const LIMIT_MS = 120_000;

/**
 * What `find` finds under `/`, else in the package, which is downloaded if it has to be and `mayDownload` allows it.
 * @param {(root: string) => string | null} find
 * @returns `{found}`, or `{missing}`, which says why
 */
export function fileFromDebian(name, find, mayDownload) {
  const found = find('/') ?? find(ROOT);
  if (found !== null) return { found };
  if (!mayDownload) return { missing: `Debian's ${name} is not installed, and nothing was to be downloaded` };
  try {
    unpack(name);
  } catch (error) {
    return { missing: `Debian's ${name} is not installed, and could not be had: ${reasonOf(error)}` };
  }
  const unpacked = find(ROOT);
  return unpacked === null ? { missing: `Debian's ${name} has no such file` } : { found: unpacked };
}

/** A program with the libraries that it needs: `{program, env}`, or `{missing}`. */
export function programFromDebian(name, mayDownload) {
  const find = (root) => firstThere(['usr/bin', 'usr/local/bin'].map((folder) => join(root, folder, name)));
  const { found, missing } = fileFromDebian(name, find, mayDownload);
  if (missing !== undefined) return { missing };
  const lacking = lackingLibraries(found);
  if (lacking.length > 0 && mayDownload) for (const each of dependenciesOf(name)) unpack(each);
  const still = lacking.length > 0 ? lackingLibraries(found) : [];
  return still.length > 0 ? { missing: `${found} lacks ${still.join(', ')}` } : { program: found, env: libraryPath() };
}

/** The first of the files that is there, or null. */
export function firstThere(files) {
  return files.find(existsSync) ?? null;
}

/** The folders of libraries for this machine's kind of processor in a root, such as `usr/lib/x86_64-linux-gnu`. */
export function librariesIn(root) {
  return ['usr/lib', 'lib'].flatMap((folder) => {
    const path = join(root, folder);
    const names = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('-linux-gnu')) : [];
    return names.map((name) => join(path, name));
  });
}

function unpack(name) {
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  console.log(`downloading Debian's ${name} into ${folder}`);
  download(name, folder);
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.deb'))) execute('dpkg', ['-x', join(folder, file), ROOT]);
}

/** By the machine's lists of packages or, where it has none of this one, by lists of our own: the machine stays as it is. */
function download(name, cwd) {
  const own = ['-o', `Dir::State::lists=${join(FOLDER, 'lists')}`, '-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='];
  try {
    execute('apt-get', ['download', name], { cwd });
  } catch (error) {
    if (error.code === 'ENOENT') throw error;
    mkdirSync(join(FOLDER, 'lists/partial'), { recursive: true });
    execute('apt-get', [...own, 'update'], { cwd });
    execute('apt-get', [...own, 'download', name], { cwd });
  }
}

/** Without the C library: another one than the machine's own would not go with its loader. */
function dependenciesOf(name) {
  const lines = execute('apt-cache', ['depends', '--important', name]).split('\n');
  const names = lines.map((line) => /Depends: ([a-z0-9][a-z0-9.+-]*)$/.exec(line)?.[1]);
  return names.filter((each) => each !== undefined && each !== 'libc6');
}

function lackingLibraries(program) {
  const lines = execute('ldd', [program], { env: libraryPath() }).split('\n');
  return lines.filter((line) => line.includes('not found')).map((line) => line.trim().split(' ')[0]);
}

function libraryPath() {
  return { LD_LIBRARY_PATH: [...librariesIn(ROOT), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter) };
}

function execute(program, args, { cwd, env = {} } = {}) {
  const options = { cwd, env: { ...process.env, LC_ALL: 'C', ...env }, timeout: LIMIT_MS, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
  return execFileSync(program, args, options);
}

/** The last line that was said, or why nothing was. */
function reasonOf({ code, stderr, message }) {
  if (code === 'ENOENT') return `${message}; it takes apt-get and dpkg`;
  return (stderr || message).trim().split('\n').at(-1);
}
