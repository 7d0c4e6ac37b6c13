/** Both are ignored by git. */
const OUTPUT = 'coverage/mutation';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'files',
  plugins: ['./tools/mutate/test-runner.js'],
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  coverageAnalysis: 'perTest',
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: `${OUTPUT}/report.json` },
  incrementalFile: `${OUTPUT}/incremental.json`,
  tempDirName: `${OUTPUT}/sandbox`,
  ignorePatterns: ['build', 'dist', 'bench', 'node_modules'],
  // Types are only taken out, never checked, and line numbers stay.
  disableTypeChecks: false,
  // jest keeps something of every file that it has run, and some tests collect garbage.
  maxTestRunnerReuse: 80,
  warnings: { slow: false },
};
