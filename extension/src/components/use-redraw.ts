/**
 * Hooks that redraw a view when an object has changed.
 */

import type { ISignal } from '@lumino/signaling';
import { useCallback, useEffect, useReducer, useRef, useSyncExternalStore } from 'react';
import type { IHost } from './host';

/** Redraw after every change of any of the sources. The number of sources must be the same at every call. */
export function useRedraw(...sources: ({ changed: ISignal<unknown, unknown> } | null | undefined)[]): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    sources.forEach(one => one?.changed.connect(draw));
    draw(); // a source may have changed before
    return () => sources.forEach(one => void one?.changed.disconnect(draw));
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the sources are the list, always as many
  }, sources);
}

/**
 * Redraw after every change, before any other event is handled. An edit is made from the drawn value, which must be
 * the current one.
 */
export function useChanges(model: { changed: ISignal<unknown, unknown> }, host: IHost): void {
  const count = useRef(0);
  const subscribe = useCallback(
    (draw: () => void) => {
      const onChange = (): void => {
        count.current++;
        draw();
      };
      model.changed.connect(onChange);
      host.changed?.connect(onChange);
      onChange(); // an editor may have changed the model before
      return () => {
        model.changed.disconnect(onChange);
        host.changed?.disconnect(onChange);
      };
    },
    [model, host]
  );
  useSyncExternalStore(subscribe, () => count.current);
}
