/** Marks of changes are told by more than their colour. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const sheet = readFileSync(join(__dirname, '..', '..', 'style', 'changes.css'), 'utf8');

test.each([
  ['added words in a line of code', '.jp-hitl-code mark', 'underline'],
  ['removed words in a line of code', '.jp-hitl-code .d mark', 'line-through']
])('%s', (_, selector, line) => {
  const start = sheet.indexOf(`\n${selector} {`);
  expect(sheet.slice(start, sheet.indexOf('}', start))).toContain(`text-decoration: ${line}`);
});
