/**
 * The one live region of the window: sentences for screen readers, some of them shown to everybody for a moment.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import { copyText } from '../../text/clipboard';

/** Milliseconds for which a sentence is shown. */
const SHOWN_MS = 6000;

let region: HTMLElement | null = null;
let hiding: ReturnType<typeof setTimeout> | undefined;

/**
 * Say a sentence politely.
 *
 * @param shown - whether it is also shown, at the bottom of the window.
 */
export function announce(sentence: string, shown = false): void {
  if (region === null || !region.isConnected) {
    region = document.createElement('div');
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    document.body.append(region);
  }
  clearTimeout(hiding);
  region.className = shown ? 'jp-hitl-root jp-hitl-said jp-mod-shown' : 'jp-hitl-root jp-hitl-said';
  region.textContent = sentence;
  hiding = setTimeout(() => {
    if (region) {
      region.className = 'jp-hitl-root jp-hitl-said';
      region.textContent = '';
    }
  }, SHOWN_MS);
}

/** Copy a text, and say so if that fails. Resolves to true if it was copied. */
export async function copyOrSay(text: string, trans: TranslationBundle): Promise<boolean> {
  const copied = await copyText(text);
  if (!copied) {
    announce(trans.__('The browser did not copy it: select the text and copy it yourself.'), true);
  }
  return copied;
}
