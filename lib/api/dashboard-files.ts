import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { packageFolder } from '../version.ts';

/** How bytes go over the wire. */
export type Coding = 'br' | 'gzip' | 'identity';

/** A file of the dashboard. It is compressed when the first one asks for that: a broker that nobody looks at needs neither the time nor the memory. */
export class DashboardFile {
  readonly type: string;
  /** Without a coding; each coding has an ETag of its own. */
  readonly tag: string;
  readonly #bytes: Buffer;
  readonly #coded = new Map<Coding, Promise<Buffer>>();

  constructor({ path, bytes }: Source) {
    this.type = TYPES[extname(path)] ?? 'application/octet-stream';
    this.tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    this.#bytes = bytes;
  }

  in(coding: Coding): Promise<Buffer> {
    const known = this.#coded.get(coding) ?? CODERS[coding](this.#bytes);
    this.#coded.set(coding, known);
    return known;
  }
}

/** By path below `/ui/`; the page itself is `index.html`. */
export type DashboardFiles = ReadonlyMap<string, DashboardFile>;

interface Source {
  readonly path: string;
  readonly bytes: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** Where a package's module is served. A browser that loads a page without a build step knows no bare names. */
const MODULES: Readonly<Record<string, string>> = {
  preact: 'vendor/preact.js',
  'preact/hooks': 'vendor/preact-hooks.js',
  '@preact/signals': 'vendor/signals.js',
  '@preact/signals-core': 'vendor/signals-core.js',
  htm: 'vendor/htm.js',
  uplot: 'vendor/uplot.js',
};

/** Its place in the package, where that is not what `import` would find: the small builds. */
const PLACES: Readonly<Record<string, string>> = { uplot: 'uplot/dist/uPlot.iife.min.js' };
const UPLOT_STYLE = { path: 'vendor/uplot.css', place: 'uplot/dist/uPlot.min.css' };
/** 11 is 2 % smaller and takes twenty times as long. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

const CODERS: Readonly<Record<Coding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) => promisify(brotliCompress)(bytes, BROTLI),
  gzip: (bytes) => promisify(gzip)(bytes, { level: 9 }),
  identity: async (bytes) => bytes,
};

/** Reads all that the dashboard is made of. Rejects when a file or a package is not there. */
export async function readDashboard(): Promise<DashboardFiles> {
  const sources = await Promise.all([...(await ownFiles()), ...packageFiles()]);
  return new Map(sources.map((source) => [source.path, new DashboardFile(source)]));
}

async function ownFiles(): Promise<Promise<Source>[]> {
  const folder = join(packageFolder(), 'ui');
  const names = (await readdir(folder, { recursive: true })).filter((name) => Object.hasOwn(TYPES, extname(name)));
  return names.map(async (name) => ({ path: name.split(sep).join('/'), bytes: servable(await readFile(join(folder, name))) }));
}

function packageFiles(): Promise<Source>[] {
  const fromHere = createRequire(import.meta.url);
  const modules = Object.entries(MODULES).map(async ([name, path]) => ({ path, bytes: moduleOf(name, await readFile(placeOf(name, fromHere))) }));
  return [...modules, readFile(fromHere.resolve(UPLOT_STYLE.place)).then((bytes) => ({ path: UPLOT_STYLE.path, bytes }))];
}

/** The file that an `import` of this name would read: `require` finds the CommonJS one beside it. */
function placeOf(name: string, { resolve }: NodeJS.Require): string {
  const found = resolve(PLACES[name] ?? name);
  return PLACES[name] === undefined ? found.replace(/\.js$/, '.mjs') : found;
}

/** uPlot's small build is a script that makes one name; as a module it gives that name away. */
function moduleOf(name: string, bytes: Buffer): Buffer {
  return name === 'uplot' ? Buffer.concat([bytes, Buffer.from('\nexport default uPlot;\n')]) : servable(bytes);
}

/** With paths instead of bare names in its imports, and without what asks for a source map that is not served. */
function servable(bytes: Buffer): Buffer {
  const text = bytes.toString('utf8').replaceAll(/(?<=\b(?:from|import)\s*["'])[^"'./][^"']*(?=["'])/g, (name) => {
    return Object.hasOwn(MODULES, name) ? `/ui/${MODULES[name] ?? ''}` : name;
  });
  return Buffer.from(text.replace(/\s*\/\/# sourceMappingURL=.*\s*$/, '\n'));
}
