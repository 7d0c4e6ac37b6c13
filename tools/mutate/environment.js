import { TestEnvironment } from 'jest-environment-node';

/** Tells the code in the sandbox which of its changes is switched on, and runs no further test of a file once one has failed. */
export default class MutantEnvironment extends TestEnvironment {
  #hasFailed = false;

  constructor(config, context) {
    super(config, context);
    // The test runner makes it anew for each file, so that what an earlier one left behind counts elsewhere.
    this.global.__stryker__ = globalThis.__stryker__;
  }

  handleTestEvent({ name, test }) {
    if (name === 'test_start' && this.#hasFailed) test.mode = 'skip';
    if (name === 'test_fn_failure' || name === 'hook_failure') this.#hasFailed = true;
  }
}
