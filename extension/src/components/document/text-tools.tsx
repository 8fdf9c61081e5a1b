/**
 * The tools of a text below its editor: comments on the selection, and the colors of the authors.
 */

import { Button } from '../controls/button';
import { COMMENT_KEY } from '../../codemirror/comment-marks';
import type { IHost } from '../host';
import { ariaKey, formatKey } from '../keys/key-hints';
import { AuthorLegend } from '../author-legend';
import { useRedraw } from '../use-redraw';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IDocumentTools } from './use-document-tools';

/** Buttons for the selection and for the author colors. Empty if the value is not text. */
export function SelectionTools({ work, host }: { work: IDocumentTools; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const { marks, authorColors, draft } = work;
  useRedraw(marks, authorColors);
  const able = host.readOnly === null;
  if (!draft?.isLoaded || (!marks && !authorColors)) {
    return null;
  }
  return (
    <div className="jp-hitl-selection-tools" role="group" aria-label={trans.__('The draft')}>
      {marks?.hasSelection && able && (
        <>
          <Button
            small
            icon="comment"
            title={formatKey(COMMENT_KEY)}
            shortcuts={ariaKey(COMMENT_KEY)}
            onClick={() => marks.startComment(false)}
          >
            {trans.__('Comment on the selection')}
          </Button>
          <Button small icon="pencil" onClick={() => marks.startComment(true)}>
            {trans.__('Suggest a change')}
          </Button>
        </>
      )}
      {authorColors && (
        <Button
          small
          variant="quiet"
          icon="people"
          pressed={authorColors.isOn}
          onClick={() => authorColors.toggle()}
        >
          {trans.__('Colour by author')}
        </Button>
      )}
      {authorColors?.isOn && <AuthorLegend authors={authorColors.authors} host={host} />}
      {authorColors?.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(authorColors.problem)}
        </p>
      )}
    </div>
  );
}
