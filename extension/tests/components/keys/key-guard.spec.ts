import { Signal } from '@lumino/signaling';
import { KeyGuard, NEW_CARD_MS } from '../../../src/components/keys/key-guard';
import type { CommandTargets } from '../../../src/components/review-commands';

/** A card whose end is so many pixels below the top of the window, which is 768 pixels high. */
function makeCard(bottom: number): HTMLElement {
  const card = document.createElement('article');
  card.getBoundingClientRect = () => ({ top: 0, bottom }) as DOMRect;
  document.body.append(card);
  return card;
}

function makeGuard() {
  const clock = { now: 1000 };
  return { clock, guard: new KeyGuard(() => clock.now) };
}

test('a key that is held down never decides', () => {
  const { guard } = makeGuard();
  expect(guard.check(true, makeCard(100))).toBe('held');
});

test('for a moment after another card came under the keys, no key decides', () => {
  const { clock, guard } = makeGuard();
  guard.moveTo('a');
  clock.now += NEW_CARD_MS;
  expect(guard.check(false, null)).toBeNull();
  guard.moveTo('b');
  clock.now += NEW_CARD_MS - 1;
  expect(guard.check(false, null)).toBe('new');
  clock.now += 1;
  expect(guard.check(false, null)).toBeNull();
});

test('a focus that moves within a card does not start the moment again', () => {
  const { clock, guard } = makeGuard();
  guard.moveTo('a');
  clock.now += NEW_CARD_MS;
  guard.moveTo('a');
  expect(guard.check(false, null)).toBeNull();
});

test('a card whose end was not on the screen is asked to be read, once', () => {
  const { guard } = makeGuard();
  const card = makeCard(2000);
  expect(guard.check(false, card)).toBe('unread');
  expect(guard.check(false, card)).toBeNull();
  expect(guard.check(false, makeCard(700))).toBeNull();
});

test('a view that cuts a card off hides its end', () => {
  const { guard } = makeGuard();
  const card = makeCard(700);
  const view = document.createElement('div');
  view.style.overflowY = 'auto';
  view.getBoundingClientRect = () => ({ top: 0, bottom: 300 }) as DOMRect;
  document.body.append(view);
  view.append(card);
  expect(guard.check(false, card)).toBe('unread');
});

test('a card whose end was on the screen before can be decided from its top', () => {
  const seen: ((entries: unknown[]) => void)[] = [];
  const browser = globalThis as { IntersectionObserver?: unknown };
  browser.IntersectionObserver = class {
    constructor(report: (entries: unknown[]) => void) {
      seen.push(report);
    }
    observe(): void {}
    unobserve(): void {}
  };
  const { guard } = makeGuard();
  delete browser.IntersectionObserver;
  const targets = {} as CommandTargets;
  const added = new Signal<CommandTargets, HTMLElement>(targets);
  guard.watchCards(added);
  const [read, unread] = [makeCard(2000), makeCard(2000)];
  const entry = (target: Element, end: number) => ({
    ...{ target, isIntersecting: true },
    ...{ intersectionRect: { bottom: 768 }, boundingClientRect: { bottom: end } }
  });
  seen[0]([entry(read, 768), entry(unread, 2000)]);
  expect(guard.check(false, read)).toBeNull();
  expect(guard.check(false, unread)).toBe('unread');
});
