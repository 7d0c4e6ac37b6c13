/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/tools/jest-ts-transform.cjs' },
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/*.gen.ts'],
};
