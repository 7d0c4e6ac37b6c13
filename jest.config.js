import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  // Far more than any test takes: what is slow is a busy machine.
  testTimeout: 60_000,
  // On two cores jest would use one, and many tests wait for other processes most of the time.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/tools/jest-ts-transform.cjs' },
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/*.gen.ts'],
};
