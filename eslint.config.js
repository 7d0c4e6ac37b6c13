import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['build/', 'dist/', 'coverage/', 'node_modules/', '**/*.gen.ts'] },
  {
    files: ['lib/**/*.ts', 'test/**/*.ts', 'ui/**/*.js', 'ui/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers and errors in messages are what messages are for.
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      // An async signature is part of an interface, whether or not this implementation waits.
      '@typescript-eslint/require-await': 'off',
      // Services are handed around as bound functions and declared with method syntax.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `for (;;)` with a return inside is how a loop says that it ends by a fact.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      'max-params': ['error', 3],
      complexity: ['error', 16],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['ui/**/*.js'],
    rules: {
      // A bare read of a signal is how an effect says what it depends on.
      '@typescript-eslint/no-unused-expressions': 'off',
      // What a node shows is text, whoever sent it.
      'no-restricted-properties': ['error', ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'dangerouslySetInnerHTML'].map((property) => ({ property }))],
    },
  },
  {
    files: ['lib/middlewares/**/*.ts', 'lib/gpu/**/*.ts'],
    rules: {
      // docs/benchmarks.md, "Where the time goes"
      'no-restricted-syntax': [
        'error',
        ...['ArrowFunctionExpression', 'FunctionExpression'].map((type) => ({
          selector: `AssignmentExpression[left.type="MemberExpression"] > ${type}.right`,
          message: 'V8 makes a function that is written here old at once, with all that it reaches; give it a name first.',
        })),
      ],
    },
  },
  // Express takes a function of four parameters for an error handler.
  { files: ['lib/middlewares/error-handler.ts'], rules: { 'max-params': ['error', 4] } },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      // Bodies are parsed and compared as they are.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
);
