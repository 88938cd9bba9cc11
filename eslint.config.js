import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'
import tseslint from 'typescript-eslint'

export default [
  // the configuration of StatsD is an object literal, not a module
  { ignores: [...resolveIgnoresFromGitignore(), 'examples/statsd/config.js'] },
  ...neostandard({ ts: true }),
  {
    rules: {
      // `void promise` says that nobody waits, and @typescript-eslint/no-floating-promises wants to hear it
      'no-void': ['error', { allowAsStatement: true }],
      // a loop may wait for what a callback changes; the rule does not see that
      'no-unmodified-loop-condition': 'off',
      // a case of a table is easier to read in a row
      '@stylistic/object-property-newline': 'off'
    }
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      // tap waits for subtests by itself
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafePromises: [{ from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' }] }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'always'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }]
    }
  },
  {
    files: ['test/**'],
    rules: {
      // numbers with more digits than a double has are what such a test is about
      '@typescript-eslint/no-loss-of-precision': 'off'
    }
  }
]
