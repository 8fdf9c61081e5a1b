/** Rules for narrow panels: jsdom has no layout, so the sheets are read. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name: string): string =>
  readFileSync(join(__dirname, '..', '..', 'style', `${name}.css`), 'utf8');

test.each(['card', 'inbox'])('%s: keys are hidden in buttons alone, not in the sheet of keys', name => {
  const hiding = [...read(name).matchAll(/([^{}]*)\{\s*display: none;\s*\}/g)].map(
    ([, selector]) => selector
  );
  const ofKeys = hiding.filter(selector => /decision-bar[^,]*\.jp-hitl-kbd/.test(selector));
  expect(ofKeys).toHaveLength(1);
  expect(ofKeys[0]).toMatch(/\.jp-hitl-btn > \.jp-hitl-kbd\s*$/);
});

test('a run is two lines: name and state, then place and time', () => {
  const [, narrow] = /@container inbox \(max-width: 480px\) \{([\s\S]*?)\n\}/.exec(read('overviews')) ?? [];
  const areaOf = (part: string): string | undefined => {
    const rule = narrow.slice(narrow.indexOf(`${part} {`));
    return /grid-area: ([^;]*);/.exec(rule.slice(0, rule.indexOf('}')))?.[1];
  };
  expect(areaOf('.jp-hitl-overview-name')).toBe('1 / 1');
  expect(areaOf("td[data-column='state']")).toBe('1 / 2');
  expect(areaOf('td > .jp-hitl-small')).toBe('2 / 1');
  expect(areaOf("td[data-column='changed']")).toBe('2 / 2');
});

test('a bar that stays in view keeps out of the first part of its card, and takes no room for that', () => {
  const [, tall] = /@media \(min-height: 540px\) \{([\s\S]*?)\n\}/.exec(read('card')) ?? [];
  const [, margin] = /margin-top: (\d+)px/.exec(tall) ?? [];
  expect(Number(margin)).toBeGreaterThan(100);
  expect(tall).toContain(`margin-bottom: -${margin}px`);
});
