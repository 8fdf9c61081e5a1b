/**
 * Views that are drawn again when something says that it changed.
 */

import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer } from 'react';

/** Draw again after every change of any of these, which are the same ones at every drawing, or others. */
export function useRedraw(...sources: ({ changed: ISignal<unknown, unknown> } | null | undefined)[]): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    sources.forEach(one => one?.changed.connect(draw));
    draw(); // it may have changed before
    return () => sources.forEach(one => void one?.changed.disconnect(draw));
  }, sources);
}
