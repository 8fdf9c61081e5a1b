/**
 * Tracks whether a person works in a part of the page, so that it is not removed during that time. Otherwise typed
 * text would go to the element behind it, and in a notebook letters are commands.
 */

import { type RefObject, useEffect, useState } from 'react';

/**
 * Delay after the focus has left, in milliseconds. By then a person who left by a click has released the mouse
 * button.
 */
const BLUR_DELAY_MS = 500;

/** Return whether the focus is in `node` or was there a moment ago, and a function that ends this at once. */
export function useFocusWithin(node: RefObject<HTMLElement>): [boolean, () => void] {
  const [focused, setFocused] = useState(false);
  useEffect(() => {
    const here = node.current;
    if (!here) {
      return;
    }
    let leaving: ReturnType<typeof setTimeout> | undefined;
    const came = (): void => {
      clearTimeout(leaving);
      setFocused(true);
    };
    const went = (): void => {
      clearTimeout(leaving);
      // A window in the background has no focus; the focus returns together with the window.
      leaving = setTimeout(() => setFocused(here.contains(document.activeElement)), BLUR_DELAY_MS);
    };
    here.addEventListener('focusin', came);
    here.addEventListener('focusout', went);
    return () => {
      clearTimeout(leaving);
      here.removeEventListener('focusin', came);
      here.removeEventListener('focusout', went);
    };
  }, [node]);
  return [focused, () => setFocused(false)];
}
