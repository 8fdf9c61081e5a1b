/**
 * A notice for a refused decision: the server's state differs from what was shown. It shows both states.
 */

import { useId } from 'react';
import type { IProposal } from '../../api/types';
import type { IDecisionConflict } from '../../models/interfaces';
import type { IHost } from '../host';
import { SideBySide } from '../../codemirror/side-by-side';
import { proposalState } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatValue, type IDraftConflict } from './unused-input';

interface IProps {
  surprise: IDecisionConflict;
  /** The server's sentence about the refusal, or "". */
  problem: string;
  host: IHost;
}

/** Shows why a decision was refused, with the state as it was shown and as it is now. A draft is that of an open card. */
export function ConflictNotice({ surprise, problem, host }: IProps): JSX.Element {
  const { trans } = host;
  const heading = useId();
  const { shown, now, draft } = surprise;
  if (draft) {
    return <DraftConflict draft={draft} problem={problem} host={host} />;
  }
  const same =
    shown.text === now.text && shown.fingerprint === now.fingerprint && shown.revision === now.revision;
  if (same && shown.status === now.status) {
    return (
      <p className="jp-hitl-error" role="alert">
        {showHiddenCharacters(problem)}
      </p>
    );
  }
  return (
    <section className="jp-hitl-conflict" role="alert" aria-labelledby={heading}>
      <h4 id={heading}>
        {trans.__('The proposal has changed since you opened it: your decision was not saved')}
      </h4>
      {problem && <p className="jp-hitl-error">{showHiddenCharacters(problem)}</p>}
      <dl>
        <dt>{trans.__('Shown')}</dt>
        <dd>{conflictSentence(shown, host)}</dd>
        <dt>{trans.__('Now')}</dt>
        <dd>
          {conflictSentence(now, host)}
          {now.decision?.reason && <p>{trans.__('Reason: %1', showHiddenCharacters(now.decision.reason))}</p>}
          {now.decision?.action === 'respond' && <p>{showHiddenCharacters(String(now.decision.value))}</p>}
        </dd>
      </dl>
      {shown.text === now.text ? (
        <p>{trans.__('The text of the proposal is the same.')}</p>
      ) : (
        <SideBySide before={shown.text} after={now.text} names={[trans.__('Shown'), trans.__('Now')]} />
      )}
    </section>
  );
}

/** Somebody changed the draft before this person's decision was saved. */
function DraftConflict(props: { draft: IDraftConflict; problem: string; host: IHost }): JSX.Element {
  const { trans } = props.host;
  const { shown, now } = props.draft;
  const heading = useId();
  return (
    <section className="jp-hitl-conflict" role="alert" aria-labelledby={heading}>
      <h4 id={heading}>
        {trans.__('The draft has changed since you opened it: your decision was not saved')}
      </h4>
      {props.problem && <p className="jp-hitl-error">{showHiddenCharacters(props.problem)}</p>}
      <p>{trans.__('Somebody has just changed it. If you agree with the new text, decide again.')}</p>
      <SideBySide
        before={formatValue(shown)}
        after={formatValue(now)}
        names={[trans.__('Shown'), trans.__('Now')]}
      />
    </section>
  );
}

function conflictSentence(proposal: IProposal, host: IHost): string {
  return host.trans.__('Revision %1. %2', proposal.revision, proposalState(proposal, host));
}
