#!/usr/bin/env node
// Old syntax up to the import, so that an old Node can say what is wrong instead of failing on what it cannot read.
import { existsSync } from 'fs';
import * as nodeModule from 'module';

var OLDEST = [22, 15];
var PROGRAM = new URL('../dist/lib/cli/main.js', import.meta.url);

function isOld(version) {
  var parts = version.split('.').map(Number);
  return parts[0] < OLDEST[0] || (parts[0] === OLDEST[0] && parts[1] < OLDEST[1]);
}

function fail(message) {
  process.stderr.write(message + '\n');
  process.exitCode = 1;
}

function explain(error) {
  if (error && error.code === 'ERR_MODULE_NOT_FOUND') fail('mgpumanager: a part is missing; run `npm ci`. ' + error.message);
  else fail(error && error.stack ? error.stack : String(error));
}

function start() {
  // Stacks in the log name our source; the maps of others would only take memory.
  if (nodeModule.setSourceMapsSupport) nodeModule.setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
  // Not `await`: a parser that does not know it at the top level would stop before the version has been looked at.
  import(PROGRAM.href)
    .then(function (program) {
      return program.main(process.argv.slice(2));
    })
    .catch(explain);
}

if (isOld(process.versions.node)) {
  fail(
    'mGPUmanager needs Node.js ' + OLDEST.join('.') + ' or newer; this is ' + process.version + ' (' + process.execPath + ').\n' +
      'In this checkout run `npm ci` and then `npm start`, or `node_modules/.bin/node bin/mgpumanager.js …`.',
  );
} else if (!existsSync(PROGRAM)) {
  fail('mGPUmanager has not been built yet: run `npm ci` (which builds it, too) or `npm run build`.');
} else {
  start();
}
