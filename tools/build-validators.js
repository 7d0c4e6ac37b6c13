// Writes the functions that ajv makes of the schema into the build, where they take the place of making them at each start.
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { FILE_ID, KEYS_ID, schemaCompiler } from '../dist/lib/config/schema-compiler.js';

const TARGET = new URL('../dist/lib/config/validators.js', import.meta.url);
const { default: standaloneCode } = createRequire(import.meta.url)('ajv/dist/standalone/index.js');

const code = standaloneCode(schemaCompiler({ source: true, esm: true }), { validateFile: FILE_ID, validateKeys: KEYS_ID });
// ajv writes `require`, also into modules.
const helpers = new Map();
const body = code.replace(/require\("(ajv\/dist\/runtime\/(\w+))"\)/g, (_match, path, name) => {
  helpers.set(name, `import ${name} from '${path}.js';`);
  return name;
});
if (/\brequire\(/.test(body)) throw new Error('build-validators: ajv asks for something that is not known here');
writeFileSync(TARGET, `// Generated from schemas/config.schema.json.\n${[...helpers.values()].join('\n')}\nimport { convertUnit } from './units.js';\n${body}\n`);
