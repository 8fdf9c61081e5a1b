/**
 * The toolbar below an editor: comments on the selection, colors of the authors, and the history.
 */

import { useState } from 'react';
import { ErrorBoundary } from '../error-boundary';
import { HistoryPanel } from './history-panel';
import type { IHost } from '../host';
import { AuthorLegend } from '../author-legend';
import { useRedraw } from '../use-redraw';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IDocumentTools } from './use-document-tools';

/** Buttons for the selection, for the author colors, and for the history. */
export function DocumentToolbar({ work, host }: { work: IDocumentTools; host: IHost }): JSX.Element {
  const { trans } = host;
  const { marks, authorColors, draft } = work;
  const [past, setPast] = useState(false);
  useRedraw(marks, authorColors);
  const able = host.readOnly === null;
  return (
    <div className="jp-hitl-document-tools">
      <div className="jp-hitl-buttons" role="group" aria-label={trans.__('The draft')}>
        {marks?.hasSelection && able && (
          <>
            <button
              type="button"
              title="Ctrl+Alt+M"
              aria-keyshortcuts="Control+Alt+M"
              onClick={() => marks.startComment(false)}
            >
              {trans.__('Comment on the selection')}
            </button>
            <button type="button" onClick={() => marks.startComment(true)}>
              {trans.__('Suggest a change')}
            </button>
          </>
        )}
        {authorColors && draft?.isLoaded && (
          <button type="button" aria-pressed={authorColors.isOn} onClick={() => authorColors.toggle()}>
            {trans.__('Colour by author')}
          </button>
        )}
        <button type="button" aria-expanded={past} onClick={() => setPast(!past)}>
          {trans.__('History')}
        </button>
      </div>
      {authorColors?.isOn && <AuthorLegend authors={authorColors.authors} host={host} />}
      {authorColors?.problem && !past && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(authorColors.problem)}
        </p>
      )}
      {past && (
        <ErrorBoundary instead={<p className="jp-hitl-error">{trans.__('The history cannot be shown.')}</p>}>
          <HistoryPanel work={work} host={host} />
        </ErrorBoundary>
      )}
    </div>
  );
}
