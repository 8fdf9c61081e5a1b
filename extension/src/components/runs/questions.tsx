/**
 * Questions before a run is cancelled or started over, and before a cell with a foreign source is put back. They say
 * what is kept, and what runs again.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IRun } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { askConfirmation } from './confirmation';

/** Statuses of a run that has ended. */
const ENDED: readonly IRun['status'][] = ['finished', 'cancelled'];

/** Ask whether to cancel a run. Resolves to true if the person agreed. */
export function confirmCancel(run: IRun, trans: TranslationBundle): Promise<boolean> {
  const withdrawn =
    run.open > 0
      ? trans._n(
          'Its open question is withdrawn. Nothing continues after this.',
          'Its %1 open questions are withdrawn. Nothing continues after this.',
          run.open
        )
      : trans.__('Nothing continues after this.');
  return askConfirmation({
    title: trans.__('Cancel the run of “%1”?', showHiddenCharacters(run.agent)),
    body: (
      <>
        <p>{withdrawn}</p>
        <p>{trans.__('Kept: its record, with all decisions, steps and the log.')}</p>
        <p>
          {trans.__(
            'Runs again: nothing, unless somebody starts the agent over. Then all of its steps are called again, also those that were done.'
          )}
        </p>
      </>
    ),
    accept: trans.__('Cancel the run'),
    cancel: trans.__('Keep the run'),
    danger: true
  });
}

/** Ask whether to start an agent over. Resolves to true if the person agreed. */
export function confirmRestart(run: IRun, trans: TranslationBundle): Promise<boolean> {
  return askConfirmation({
    title: trans.__('Start “%1” over?', showHiddenCharacters(run.agent)),
    body: (
      <>
        {!ENDED.includes(run.status) && <p>{trans.__('The run that is there is cancelled first.')}</p>}
        <p>{trans.__('Kept: the record of the run before, with all decisions, steps and the log.')}</p>
        <p>
          {trans.__(
            'Runs again: the whole cell, from its first statement. All steps are called again, also those that were done, and all questions are asked again.'
          )}
        </p>
      </>
    ),
    accept: trans.__('Start over'),
    cancel: trans.__('Leave it as it is'),
    danger: true
  });
}

/** Show a recorded source that this user's key has not signed. Resolves to true if it should be put back. */
export function confirmUnsignedSource(source: string, trans: TranslationBundle): Promise<boolean> {
  return askConfirmation({
    title: trans.__('Read this cell before you put it back'),
    body: (
      <>
        <p>
          {trans.__(
            'Your key has not signed this source, so another person or another program may have written it. It is not executed now. It is executed when the agent continues, after a decision.'
          )}
        </p>
        <pre className="jp-hitl-source" tabIndex={0}>
          {showHiddenCharacters(source)}
        </pre>
      </>
    ),
    accept: trans.__('Put the cell back'),
    cancel: trans.__('Cancel')
  });
}
