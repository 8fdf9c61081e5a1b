/**
 * Whether somebody is at work in a part of the page: it must not be taken away from under their hands. What they type
 * would go to whatever is behind it, and in a notebook letters are commands.
 */

import { type RefObject, useEffect, useState } from 'react';

/** Milliseconds after the focus has left: whoever left by a click has let go of the button by then. */
const BLUR_DELAY_MS = 500;

/** Whether the focus is in `node`, or was a moment ago; and what says that they are done there. */
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
      // A window in the background has no focus, and comes back with it.
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
