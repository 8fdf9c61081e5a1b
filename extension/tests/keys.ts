/** Keys as a browser sends them: JupyterLab's and the page's registries of commands look at the key codes. */

import { fireEvent } from '@testing-library/react';

const CODES: { [key: string]: number } = {
  ArrowDown: 40,
  ArrowUp: 38,
  ArrowLeft: 37,
  ArrowRight: 39,
  Home: 36,
  End: 35,
  Enter: 13,
  Escape: 27,
  ' ': 32,
  '?': 191
};

export function pressKey(target: Element, key: string, more: KeyboardEventInit = {}): boolean {
  const keyCode = CODES[key] ?? key.toUpperCase().charCodeAt(0);
  return fireEvent.keyDown(target, { key, keyCode, shiftKey: key === '?', ...more });
}

/** A clock for a person who waits a second before each key. */
export function slowClock(): () => number {
  let now = 0;
  return () => (now += 1000);
}
