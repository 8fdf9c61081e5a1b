// The view's logic, tested without a browser. JupyterLab's packages are ES modules, so they are translated too.
const modules = [
  '@jupyterlab',
  '@jupyter',
  '@lumino',
  '@codemirror',
  '@lezer',
  'lib0',
  'y-protocols',
  'yjs',
  'react-markdown',
  'remark-.*',
  'mdast-.*',
  'micromark.*',
  'unist-.*',
  'unified',
  'bail',
  'trough',
  'vfile.*',
  'is-plain-obj',
  'hast-.*',
  'property-information',
  'space-separated-tokens',
  'comma-separated-tokens',
  'decode-named-character-reference',
  'character-entities',
  'devlop',
  'html-url-attributes',
  'ccount',
  'escape-string-regexp',
  'markdown-table',
  'longest-streak',
  'zwitch',
  'trim-lines',
  'estree-util-.*',
  'style-mod',
  '@microsoft',
  'exenv-es6',
  '@marijn',
  'crelt',
  'w3c-keyname',
  '@cfworker',
  '@tanstack'
].join('|');
module.exports = {
  testEnvironment: 'jsdom',
  setupFiles: ['<rootDir>/tests/browser.js'],
  testMatch: ['<rootDir>/tests/**/*.spec.ts?(x)'],
  transform: {
    '\\.[jt]sx?$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'automatic' } } },
        module: { type: 'commonjs' }
      }
    ]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`],
  moduleNameMapper: { '\\.(css|svg)$': '<rootDir>/tests/nothing.js' }
};
