import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const LIB = join(import.meta.dirname, '..', '..', 'lib');

/** One import of one file; paths are relative to lib/. */
interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

/** What each layer may import of lib/ beside its own folder: folders end with a slash. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: ['config/types.ts', 'config/types.gen.ts'],
  config: ['errors.ts', 'version.ts', 'core/suggest.ts', '../schemas/config.schema.json'],
  consumers: ['core/', 'config/types.ts', 'config/types.gen.ts', 'errors.ts', 'clock.ts', 'logger.ts'],
  gpu: ['core/', 'config/types.ts', 'config/types.gen.ts', 'errors.ts', 'error-code.ts', 'clock.ts', 'logger.ts'],
  middlewares: ['core/', 'config/types.ts', 'config/types.gen.ts', 'errors.ts', 'clock.ts', 'logger.ts'],
  api: ['core/', 'config/types.ts', 'config/types.gen.ts', 'errors.ts', 'version.ts', 'middlewares/arrival.ts', 'middlewares/client-name.ts', 'middlewares/exchange.ts', 'middlewares/route.ts'],
  events: ['core/', 'errors.ts', 'clock.ts', 'logger.ts', 'within.ts'],
  metrics: ['core/', 'config/types.ts', 'config/types.gen.ts', 'errors.ts'],
  tracing: ['core/', 'clock.ts', 'within.ts', 'logger.ts'],
  history: ['core/', 'config/types.ts', 'errors.ts', 'error-code.ts', 'logger.ts', 'within.ts'],
  demo: ['config/types.ts', 'error-code.ts', 'version.ts'],
  cli: ['config/', 'core/operations.ts', 'core/reach.ts', 'core/suggest.ts', 'core/events.ts', 'core/log-lines.ts', 'events/log-lines.ts', 'consumers/', 'gpu/nvidia-smi.ts', 'clock.ts', 'listen.ts', 'demo/', 'daemon.ts', 'start-error.ts', 'state-file.ts', 'logging.ts', 'logger.ts', 'version.ts'],
};

/** What these files outside the layers may import of lib/. The others compose, and may import everything. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  'clock.ts': [],
  'error-code.ts': [],
  'errors.ts': [],
  'logger.ts': [],
  'logging.ts': ['logger.ts', 'core/log-lines.ts', 'core/wall-stamp.ts'],
  'server.ts': ['api/', 'middlewares/', 'config/types.ts', 'core/operations.ts'],
  'state-file.ts': ['error-code.ts', 'logger.ts'],
  'version.ts': [],
  'within.ts': [],
};

/** The files that may import a package for more than its types. */
const DOORS: Readonly<Record<string, readonly RegExp[]>> = {
  express: [/^server\.ts$/, /^http-server\.ts$/, /^api\//],
  'http-proxy-middleware': [/^middlewares\/proxy\.ts$/],
  'p-queue': [/^gpu\/gate\.ts$/],
  'js-yaml': [/^config\/yaml\.ts$/],
  ajv: [/^config\/(?:schema|schema-compiler|validators)\.ts$/],
  winston: [/^logging\.ts$/],
  ws: [/^demo\/servers\/comfyui-socket\.ts$/],
  'prom-client': [/^metrics\/meters\.ts$/],
  '@opentelemetry': [/^tracing\/otlp\.ts$/],
  commander: [/^cli\/(?:main|watch-commands|setup-commands)\.ts$/],
  'eventsource-parser': [/^cli\/event-source\.ts$/],
  'better-sqlite3': [/^history\/file\.ts$/],
};

/** What is wrong with an import, or null. */
function faultOf({ from, to, isTypeOnly }: Import): string | null {
  const layer = from.split('/')[0] ?? '';
  if (to.startsWith('node:')) return layer === 'core' ? 'core must not know Node' : null;
  if (!/\.(ts|json)$/.test(to)) return faultOfPackage({ from, to, isTypeOnly });
  const allowed = from.includes('/') ? LAYERS[layer] : FILES[from];
  if (from.includes('/') && allowed === undefined) return `${layer} is no layer of ours`;
  if (allowed === undefined || to.startsWith(`${layer}/`)) return null;
  return allowed.some((each) => (each.endsWith('/') ? to.startsWith(each) : to === each)) ? null : `${layer} must not import ${to}`;
}

function faultOfPackage({ from, to, isTypeOnly }: Import): string | null {
  const name = to.split('/')[0] ?? '';
  const doors = DOORS[name];
  if (doors === undefined) return `${name} is no package of ours`;
  const mayHaveTypes = name === 'express' && from.startsWith('middlewares/') && isTypeOnly;
  return mayHaveTypes || doors.some((door) => door.test(from)) ? null : `${name} is imported elsewhere than through its door`;
}

function importsOf(file: string): Import[] {
  return importsIn(readFileSync(join(LIB, file), 'utf8'), file);
}

/** All imports in the text of a file: of names, of types, for effect, dynamic, and what is exported from elsewhere. */
function importsIn(text: string, file: string): Import[] {
  const found = text.matchAll(/^(?:import|export)\s+(type\s)?[^'";]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...found].map(([, type, named, bare, dynamic]) => {
    const to = named ?? bare ?? dynamic ?? '';
    return { from: file, to: to.startsWith('.') ? relative(LIB, join(LIB, dirname(file), to)) : to, isTypeOnly: type !== undefined };
  });
}

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

describe('the layers', () => {
  test('are kept by every import', () => {
    const imports = files.flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(300);
    const breaches = imports.filter((each) => faultOf(each) !== null).map(({ from, to }) => `${from} → ${to}`);
    expect(breaches).toEqual([]);
  });

  test.each<[string, string, boolean]>([
    ['core/plan.ts', 'node:fs', false],
    ['core/plan.ts', 'gpu/gate.ts', true],
    ['core/plan.ts', 'p-queue', true],
    ['middlewares/route.ts', 'consumers/registry.ts', true],
    ['middlewares/route.ts', 'express', false],
    ['gpu/sampler.ts', 'p-queue', false],
    ['gpu/gate.ts', 'middlewares/exchange.ts', false],
    ['consumers/prober.ts', 'gpu/gate.ts', false],
    ['api/status.ts', 'middlewares/proxy.ts', false],
    ['config/load.ts', 'winston', false],
    ['cli/serve.ts', 'left-pad', false],
    ['cli/status.ts', 'gpu/gate.ts', false],
    ['errors.ts', 'core/model.ts', true],
    ['server.ts', 'gpu/gate.ts', true],
    ['newcomer/index.ts', 'core/plan.ts', false],
  ])('would be broken by an import in %s of %s', (from, to, isTypeOnly) => {
    expect(faultOf({ from, to, isTypeOnly })).not.toBeNull();
  });
});

test('the program loads the command line and nothing else', () => {
  const text = readFileSync(join(LIB, '..', 'bin', 'mgpumanager.js'), 'utf8');
  expect(importsIn(text, 'bin').map(({ to }) => to)).toEqual(['fs', 'module']);
  expect([...text.matchAll(/\bimport\(([^)]*)\)/g)].map(([, what]) => what)).toEqual(['PROGRAM.href']);
  expect(text).toContain("PROGRAM = new URL('../dist/lib/cli/main.js', import.meta.url)");
});

test('an import is found however it is written', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { B } from '../gpu/b.ts';",
    "import {\n  c,\n  d,\n} from 'p-queue';",
    "import '../gpu/effect.ts';",
    "export { e } from './e.ts';",
    "  const late = await import('../daemon.ts');",
    "// import { no } from './no.ts';",
  ].join('\n');
  expect(importsIn(text, 'core/x.ts').map(({ to, isTypeOnly }) => [to, isTypeOnly])).toEqual([
    ['core/a.ts', false],
    ['gpu/b.ts', true],
    ['p-queue', false],
    ['gpu/effect.ts', false],
    ['core/e.ts', false],
    ['daemon.ts', false],
  ]);
});

describe('every file', () => {
  test('is of a size that one can read', () => {
    const long = files.filter((name) => !name.endsWith('.gen.ts')).map((name) => ({ name, lines: readFileSync(join(LIB, name), 'utf8').split('\n').length }));
    expect(long.filter(({ lines }) => lines > 320)).toEqual([]);
  });
});
