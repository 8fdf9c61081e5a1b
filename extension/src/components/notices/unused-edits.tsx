/**
 * A notice for edits of this window that somebody else's decision did not use. They can be looked at and copied.
 */

import { useState } from 'react';
import type { IProposal, Json } from '../../api/types';
import { SideBySide } from '../../codemirror/side-by-side';
import type { IDecisionConflict } from '../../models/interfaces';
import { countChanges } from '../changes/change-count';
import { Alert } from '../controls/alert';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { copyOrSay } from '../keys/announcer';
import { formatDeciderName } from '../proposal-status';

/** The value as it was edited here, and as it is now. */
export type IDraftConflict = NonNullable<IDecisionConflict['draft']>;

interface IProps {
  /** The proposal as it was when it was edited. */
  shown: IProposal;
  /** The decided proposal. */
  now: IProposal;
  draft: IDraftConflict;
  host: IHost;
}

/** Says who decided while this person was typing, and how many edits were not used. */
export function UnusedEdits({ shown, now, draft, host }: IProps): JSX.Element {
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const [copied, setCopied] = useState(false);
  const count = Math.max(1, countChanges(shown, shown.value, draft.shown));
  const copy = async (): Promise<void> => {
    const done = await copyOrSay(formatValue(draft.shown), trans);
    setCopied(done);
    if (!done) {
      setOpen(true); // so that the text can be selected
    }
  };
  const actions = (
    <>
      <Button small expanded={open} onClick={() => setOpen(!open)}>
        {open ? trans.__('Hide them') : trans.__('Show them')}
      </Button>
      <Button small onClick={() => void copy()}>
        {copied ? trans.__('Copied') : trans.__('Copy them')}
      </Button>
    </>
  );
  return (
    <>
      <Alert tone="warn" actions={actions}>
        <b>{decidedSentence(now, host)}</b>{' '}
        {trans._n('Your %1 change was not used.', 'Your %1 changes were not used.', count)}
      </Alert>
      {open && (
        <SideBySide
          before={formatValue(draft.shown)}
          after={formatValue(draft.now)}
          names={[trans.__('Your text'), trans.__('Decided')]}
        />
      )}
    </>
  );
}

/** Write a value as text: texts as they are, others as JSON. */
export function formatValue(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

function decidedSentence({ decision }: IProposal, host: IHost): string {
  const { trans } = host;
  if (decision === null) {
    return trans.__('This was closed while you were typing.');
  }
  const name = formatDeciderName(decision, host);
  switch (decision.action) {
    case 'reject':
      return trans.__('%1 rejected this while you were typing.', name);
    case 'respond':
      return trans.__('%1 answered this while you were typing.', name);
    default:
      return trans.__('%1 approved this while you were typing.', name);
  }
}
