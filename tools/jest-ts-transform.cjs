'use strict';
// Strips types with the project's own TypeScript and keeps ES modules, so that jest needs no further transformer.
const crypto = require('node:crypto');
const ts = require('typescript');

const compilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  inlineSourceMap: true,
  inlineSources: true,
  rewriteRelativeImportExtensions: false,
};

module.exports = {
  getCacheKey: (source, file, options) =>
    crypto.createHash('sha1').update([source, file, ts.version, options.configString, String(options.instrument)].join('\0')).digest('hex'),
  process: (source, fileName) => ({ code: ts.transpileModule(source, { fileName, compilerOptions }).outputText }),
};
