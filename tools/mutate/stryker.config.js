/** Both folders are ignored by git. */
const OUTPUT = 'coverage/mutation';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules'],
  jest: { configFile: 'tools/mutate/jest.config.js' },
  // A mutant runs the tests that reach it, and a constant of a module runs all that import it.
  coverageAnalysis: 'perTest',
  concurrency: 1,
  reporters: ['json'],
  jsonReporter: { fileName: `${OUTPUT}/report.json` },
  tempDirName: `${OUTPUT}/sandbox`,
  ignorePatterns: ['dist', 'docs', 'bench'],
  warnings: { slow: false },
};
