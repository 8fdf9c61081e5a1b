import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

// Circles of imports are found by tools/structure.py, in both languages, and imports that package.json does not declare
// by tools/declared_imports.py.
export default ts.config(
  { ignores: ['lib/', 'node_modules/', 'src/api/types.generated.ts'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ts.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { 'react-hooks': hooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' }
  },
  {
    // What tsc compiles is looked at with its types.
    files: ['src/**/*.{ts,tsx}'],
    extends: [ts.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A value is text or not by its kind, which types do not tell.
      '@typescript-eslint/no-base-to-string': 'off',
      // Interfaces declare functions as methods, and are taken apart in views.
      '@typescript-eslint/unbound-method': 'off'
    }
  }
);
