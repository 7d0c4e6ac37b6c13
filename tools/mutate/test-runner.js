// Runs jest inside Stryker's worker. To Stryker a test is a whole file: each gets modules of its own, so that constants of modules
// can be changed like everything else, and a file takes little longer than the slowest of its tests.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner';
import { runCLI } from 'jest';
import { Namespace } from './namespace.js';

const CONFIG = 'tools/mutate/jest.config.js';
/** In the sandbox, for all workers: how often each test file asks which change is on. */
const ASKED = 'asked.json';
/**
 * Two tests feed a scanner 64 MiB, in which changed code counts the bytes one by one: they alone would take longer than all others. One measures
 * what a queue of ten thousand costs, and code that asks at each place which change is on costs more.
 */
const LIGHT = '^(?!.*(64 MiB|ten thousand that wait are looked at))';
/** Two tables of `lib/core` are data, which the pages about them are held against. */
const TESTS = ['test/unit/core/*.test.ts', 'test/unit/gpu/*.test.ts', 'test/unit/{card-events,events-doc,history-doc}.test.ts'];

// Costly properties try fewer cases (test/support/cases.ts): what nothing notices goes through all of them.
process.env.CASES_SHARE ??= '0.2';

class FilesRunner {
  /** By test file: how many changes it has noticed. */
  #kills = new Map();
  #usual = null;

  capabilities() {
    return { reloadEnvironment: true };
  }

  /** Everything once, with nothing changed: which file reaches which change, and how often? */
  async dryRun() {
    const tests = [];
    const asked = {};
    const mutantCoverage = { static: {}, perTest: {} };
    for (const file of testFiles()) {
      globalThis.__stryker__ = new Namespace({ currentTestId: file, mutantCoverage });
      tests.push(await testOf(file));
      asked[file] = globalThis.__stryker__.asked;
    }
    writeFileSync(ASKED, JSON.stringify(asked));
    return { status: DryRunStatus.Complete, tests, mutantCoverage };
  }

  /** Ends with the first file that fails. */
  async mutantRun({ activeMutant, testFilter, sandboxFileName }) {
    this.#usual ??= JSON.parse(readFileSync(ASKED, 'utf8'));
    const files = this.#inOrder(testFilter ?? testFiles(), sandboxFileName);
    for (const [index, file] of files.entries()) {
      const namespace = new Namespace({ mutant: activeMutant.id, usual: this.#usual[file] });
      globalThis.__stryker__ = namespace;
      const test = await testOf(file);
      if (namespace.isEndless) return { status: MutantRunStatus.Timeout, reason: 'asked too often which change is on' };
      if (test.status === TestStatus.Failed) {
        this.#kills.set(file, this.#killsOf(file) + 1);
        return { status: MutantRunStatus.Killed, killedBy: [file], failureMessage: test.failureMessage, nrOfTests: index + 1 };
      }
    }
    return { status: MutantRunStatus.Survived, nrOfTests: files.length };
  }

  /** Those named after the changed file first, as they know it best; those that try many random cases last; of equals those that notice most. */
  #inOrder(files, changed) {
    const stem = basename(changed, '.ts');
    const rank = (file) => (file.includes('.property.') ? 2 : 0) + (basename(file).startsWith(stem) ? 0 : 1);
    return files.toSorted((one, other) => rank(one) - rank(other) || this.#killsOf(other) - this.#killsOf(one));
  }

  #killsOf(file) {
    return this.#kills.get(file) ?? 0;
  }
}

function testFiles() {
  return globSync(TESTS).sort();
}

async function testOf(file) {
  const { results } = await jest({ runTestsByPath: true, _: [resolve(file)] });
  const [{ testFilePath, failureMessage, perfStats }] = results.testResults;
  const test = { id: file, name: file, fileName: testFilePath, timeSpentMs: perfStats.end - perfStats.start };
  return results.success ? { ...test, status: TestStatus.Success } : { ...test, status: TestStatus.Failed, failureMessage: failureMessage ?? 'failed' };
}

function jest(options) {
  return runCLI({ $0: '', config: CONFIG, runInBand: true, silent: true, reporters: [], watchman: false, testNamePattern: LIGHT, ...options }, [process.cwd()]);
}

/** Read by Stryker. */
export const strykerPlugins = [{ kind: 'TestRunner', name: 'files', injectableClass: FilesRunner }];
