/** What fingers press: its size follows the tokens, which are 44 px for a coarse pointer. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name: string): string =>
  readFileSync(join(__dirname, '..', '..', 'style', `${name}.css`), 'utf8');

/** Return the declarations of the first rule with exactly this selector. */
function ruleOf(name: string, selector: string): string {
  const sheet = read(name);
  const start = sheet.indexOf(`\n${selector} {`);
  expect(start).toBeGreaterThan(-1);
  return sheet.slice(start, sheet.indexOf('}', start));
}

test('the tokens are as high as a finger is wide', () => {
  const [, coarse] = /@media \(pointer: coarse\) \{([^@]*?)\n\}/.exec(read('tokens')) ?? [];
  expect(coarse).toContain('--hitl-height: 44px');
  expect(coarse).toContain('--hitl-height-small: 44px');
});

test.each([
  ['controls', '.jp-hitl-link', /min-height: var\(--hitl-height-small\)/],
  ['controls', ".jp-hitl-root input:is([type='checkbox'], [type='radio'])", /height: var\(--hitl-check\)/],
  ['inbox', ".jp-hitl-views > [role='group'] > button", /min-height: max\(36px, var\(--hitl-height\)\)/],
  ['inbox', '.jp-hitl-filter', /min-height: max\(26px, var\(--hitl-height-small\)\)/],
  ['overviews', '.jp-hitl-overview-name', /min-height: var\(--hitl-height-small\)/],
  ['timeline', '.jp-hitl-entry-line', /min-height: var\(--hitl-height-small\)/]
])('%s: %s', (name, selector, size) => {
  expect(ruleOf(name, selector)).toMatch(size);
});

test('the label around a check box is as high', () => {
  const rule = /label:has\(> :is\(\[type='checkbox'\], \[type='radio'\]\)\) \{[^}]*\}/.exec(read('controls'));
  expect(rule?.[0]).toContain('min-height: var(--hitl-height)');
});
