/**
 * Views that are drawn again when something says that it changed.
 */

import type { ISignal } from '@lumino/signaling';
import { useCallback, useEffect, useReducer, useRef, useSyncExternalStore } from 'react';
import type { IHost } from './host';

/** Draw again after every change of any of these, which are the same ones at every drawing, or others. */
export function useRedraw(...sources: ({ changed: ISignal<unknown, unknown> } | null | undefined)[]): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    sources.forEach(one => one?.changed.connect(draw));
    draw(); // it may have changed before
    return () => sources.forEach(one => void one?.changed.disconnect(draw));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the sources are the list, always as many
  }, sources);
}

/**
 * Draw again after every change, and before anything else happens on the page: an edit is made from what is drawn, and
 * must not be made from what somebody else has just changed.
 */
export function useChanges(model: { changed: ISignal<unknown, unknown> }, host: IHost): void {
  const count = useRef(0);
  const subscribe = useCallback(
    (draw: () => void) => {
      const changed = (): void => {
        count.current++;
        draw();
      };
      model.changed.connect(changed);
      host.changed?.connect(changed);
      changed(); // an editor may have told the model something before
      return () => {
        model.changed.disconnect(changed);
        host.changed?.disconnect(changed);
      };
    },
    [model, host]
  );
  useSyncExternalStore(subscribe, () => count.current);
}
