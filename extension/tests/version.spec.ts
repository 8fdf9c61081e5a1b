import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '../src/version';

const root = join(__dirname, '..', '..');

test('extension, npm package and Python package have one version', () => {
  const npm = JSON.parse(readFileSync(join(root, 'extension', 'package.json'), 'utf8')) as {
    version: string;
  };
  const python = /__version__ = "(.+)"/.exec(readFileSync(join(root, 'hitl_nb', '__init__.py'), 'utf8'));
  expect([version, npm.version]).toEqual([python?.[1], python?.[1]]);
});
