/**
 * Hooks by which the panel tells its model how wide it is, and whether a person uses it.
 */

import { RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import type { InboxModel } from './stores/inbox-model';

/** From this width on, in pixels, list and card are side by side. The style sheet has the same. */
export const WIDE_PX = 721;

/** Tell the model whether list and card are side by side. */
export function useWideModel(panel: RefObject<HTMLElement>, model: InboxModel): void {
  useLayoutEffect(() => {
    const node = panel.current!;
    const measure = (): void => {
      if (node.offsetWidth > 0) {
        model.wide = node.offsetWidth >= WIDE_PX; // a hidden panel keeps its layout
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, [panel, model]);
}

/** Tell the model whether the focus or the pointer is in the panel. Meanwhile its list does not move. */
export function useBusyList(panel: RefObject<HTMLElement>, model: InboxModel): void {
  useEffect(() => {
    const node = panel.current!;
    let pointer = false;
    const tell = (): void => {
      model.busy = pointer || node.contains(document.activeElement);
    };
    const onEnter = (): void => {
      pointer = true;
      tell();
    };
    const onLeave = (): void => {
      pointer = false;
      tell();
    };
    // While the focus moves within the panel, it is on no element between the two events.
    const onBlur = ({ relatedTarget }: FocusEvent): void => {
      if (!node.contains(relatedTarget as Node | null) && document.hasFocus()) {
        model.busy = pointer;
      }
    };
    node.addEventListener('pointerenter', onEnter);
    node.addEventListener('pointerleave', onLeave);
    node.addEventListener('focusin', tell);
    node.addEventListener('focusout', onBlur);
    return () => {
      node.removeEventListener('pointerenter', onEnter);
      node.removeEventListener('pointerleave', onLeave);
      node.removeEventListener('focusin', tell);
      node.removeEventListener('focusout', onBlur);
      model.busy = false;
    };
  }, [panel, model]);
}

/** Return a function that tells whether the key that was pressed last is held down. */
export function useHeldKey(): () => boolean {
  const held = useRef(false);
  useEffect(() => {
    const onKey = ({ repeat }: KeyboardEvent): void => {
      held.current = repeat;
    };
    const onUp = (): void => {
      held.current = false;
    };
    window.addEventListener('keydown', onKey, true);
    window.addEventListener('keyup', onUp, true);
    return () => {
      window.removeEventListener('keydown', onKey, true);
      window.removeEventListener('keyup', onUp, true);
    };
  }, []);
  return useCallback(() => held.current, []);
}
