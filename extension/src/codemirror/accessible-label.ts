/**
 * CodeMirror extensions for all editors: a label for screen readers, and hidden characters spelled out.
 */

import type { Extension } from '@codemirror/state';
import { EditorView, highlightSpecialChars } from '@codemirror/view';
import { HIDDEN, showHiddenCharacters } from '../text/hidden-characters';

/**
 * Label an editor, and spell out hidden characters in it.
 *
 * @param label - content of the editor, for screen readers.
 */
export function accessibleLabel(label: string): Extension {
  return [
    EditorView.contentAttributes.of({ 'aria-label': label }),
    highlightSpecialChars({
      // CodeMirror draws tabs itself.
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
