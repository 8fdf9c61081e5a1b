/**
 * Whether the page is being printed.
 */

import { useSyncExternalStore } from 'react';

/** Views that come only because the page is printed find it so, too. */
let isPrinting = false;

/** Return true while the page is printed. It is drawn so before the browser takes the page. */
export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, () => isPrinting);
}

function subscribe(redraw: () => void): () => void {
  const begin = (): void => {
    isPrinting = true;
    redraw();
  };
  const end = (): void => {
    isPrinting = false;
    redraw();
  };
  window.addEventListener('beforeprint', begin);
  window.addEventListener('afterprint', end);
  return () => {
    window.removeEventListener('beforeprint', begin);
    window.removeEventListener('afterprint', end);
  };
}
