/**
 * What every editor of ours adds to CodeMirror: a name for screen readers, and hidden characters spelled out.
 */

import type { Extension } from '@codemirror/state';
import { EditorView, highlightSpecialChars } from '@codemirror/view';
import { HIDDEN, showHiddenCharacters } from '../text/hidden-characters';

/** @param label - what the editor holds, for people who do not see it. */
export function accessibleLabel(label: string): Extension {
  return [
    EditorView.contentAttributes.of({ 'aria-label': label }),
    highlightSpecialChars({
      // CodeMirror draws tabs by itself.
      specialChars: new RegExp(`(?!\\t)${HIDDEN.source}`, 'gu'),
      render: code => {
        const shown = document.createElement('span');
        shown.className = 'jp-hitl-hidden';
        shown.textContent = showHiddenCharacters(String.fromCodePoint(code));
        return shown;
      }
    })
  ];
}
