/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // Far more than any test takes: what is slow is a busy machine.
  testTimeout: 20_000,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/tools/jest-ts-transform.cjs' },
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/*.gen.ts'],
};
