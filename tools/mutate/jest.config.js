import base from '../../jest.config.js';

/** The project's own settings, in the sandbox, with what a changed program needs beside them. */
export default {
  ...base,
  rootDir: '../..',
  testEnvironment: '<rootDir>/tools/mutate/environment.js',
  setupFilesAfterEnv: ['<rootDir>/tools/mutate/random.js'],
  // Many a change makes a test wait for ever. Unchanged, those that do not say how long they may take need at most a second.
  testTimeout: 4000,
};
