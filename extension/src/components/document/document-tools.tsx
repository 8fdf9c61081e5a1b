/**
 * Below an editor: what can be done with what is selected, the colours of the authors, and the history.
 */

import { useState } from 'react';
import { Fallback } from '../error-boundary';
import { HistoryPanel } from './history-panel';
import type { IHost } from '../host';
import { Legend } from '../author-legend';
import { useRedraw } from '../use-redraw';
import { visible } from '../../text/hidden-characters';
import type { IWork } from './use-document-tools';

export function WorkTools({ work, host }: { work: IWork; host: IHost }): JSX.Element {
  const { trans } = host;
  const { marks, colouring, draft } = work;
  const [past, setPast] = useState(false);
  useRedraw(marks, colouring);
  const able = host.readOnly === null;
  return (
    <div className="jp-hitl-work">
      <div className="jp-hitl-buttons" role="group" aria-label={trans.__('The draft')}>
        {marks?.selected && able && (
          <>
            <button
              type="button"
              title="Ctrl+Alt+M"
              aria-keyshortcuts="Control+Alt+M"
              onClick={() => marks.ask(false)}
            >
              {trans.__('Comment on the selection')}
            </button>
            <button type="button" onClick={() => marks.ask(true)}>
              {trans.__('Suggest a change')}
            </button>
          </>
        )}
        {colouring && draft?.loaded && (
          <button type="button" aria-pressed={colouring.on} onClick={() => colouring.toggle()}>
            {trans.__('Colour by author')}
          </button>
        )}
        <button type="button" aria-expanded={past} onClick={() => setPast(!past)}>
          {trans.__('History')}
        </button>
      </div>
      {colouring?.on && <Legend authors={colouring.authors} host={host} />}
      {colouring?.problem && !past && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(colouring.problem)}
        </p>
      )}
      {past && (
        <Fallback instead={<p className="jp-hitl-wrong">{trans.__('The history cannot be shown.')}</p>}>
          <HistoryPanel work={work} host={host} />
        </Fallback>
      )}
    </div>
  );
}
