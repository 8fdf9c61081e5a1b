/**
 * The way back to an edit that the run could not use. The question is asked again with the agent's value, and the edit
 * is in the record of the question before. To use it again is an edit of the new question's draft, which is decided as
 * any other edit.
 */

import { useEffect, useState } from 'react';
import type { IDecision, IProposal } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import type { IProposalModel } from '../../models/interfaces';
import { Button } from '../controls/button';
import type { IHost } from '../host';
import { isOwn } from '../proposal-status';

/** Prefix of the sentences that say why an edit was not used. In Python: `hitl_nb/engine/questions/edit_checks.py`. */
const NOT_USED_PREFIX = 'The last edit was not used: ';

interface IProps {
  model: IProposalModel;
  host: IHost;
  /** Whether the value can be edited here and now. */
  able: boolean;
}

/** "Use my edit again". Nothing if no edit was refused, or if the draft has it already. */
export function RefusedEdit({ model, host, able }: IProps): JSX.Element | null {
  const { trans } = host;
  const edit = useRefusedEdit(model, host);
  if (edit === null || !able || isSame(edit.value, model.value)) {
    return null;
  }
  return (
    <p>
      <Button small icon="undo" onClick={() => model.edit(edit.value)}>
        {isOwn(edit.reviewer, edit.known, host)
          ? trans.__('Use my edit again')
          : trans.__('Use this edit again')}
      </Button>
    </p>
  );
}

/** Find the edit that was refused, in the pause before; null if there is none, or until it is known. */
function useRefusedEdit({ proposal, run }: IProposalModel, { client }: IHost): IDecision | null {
  const [edit, setEdit] = useState<IDecision | null>(null);
  const { id, path, agent, pause } = proposal;
  const wanted =
    proposal.status === 'open' && proposal.allow.includes('edit') && pause > 1 && hasRefusal(proposal);
  useEffect(() => {
    if (!wanted || path === null) {
      return;
    }
    let gone = false;
    client.getPause(path, agent, pause - 1, run?.key).then(
      answer => {
        const before = answer.proposals.find(one => isSameQuestion(one, proposal));
        if (!gone && before?.decision?.action === 'edit') {
          setEdit(before.decision);
        }
      },
      () => undefined // the sentence alone says that the edit was not used
    );
    return () => {
      gone = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a record read again has the same question
  }, [client, wanted, id, path, agent, pause, run?.key]);
  return edit;
}

/** Return true if the engine's notes, or the context, say that an edit was refused. */
function hasRefusal({ notes, context }: IProposal): boolean {
  const said = typeof context === 'string' ? context : JSON.stringify(context ?? '');
  return (notes ?? []).some(note => note.startsWith(NOT_USED_PREFIX)) || said.includes(NOT_USED_PREFIX);
}

/** Return true if both records ask the same question of the same run at the same place. */
function isSameQuestion(before: IProposal, now: IProposal): boolean {
  return (
    before.run === now.run &&
    before.position === now.position &&
    before.ordinal === now.ordinal &&
    before.kind === now.kind &&
    isSame(before.value, now.value)
  );
}
