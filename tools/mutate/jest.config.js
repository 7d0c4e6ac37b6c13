import base from '../../jest.config.js';

/** The project's own settings, in the sandbox, with what a changed program needs beside them. */
export default {
  ...base,
  rootDir: '../..',
  testEnvironment: '<rootDir>/tools/mutate/environment.js',
  setupFilesAfterEnv: ['<rootDir>/tools/mutate/random.js'],
  // A change that makes a test wait for ever is to cost no more than this.
  testTimeout: 10_000,
};
