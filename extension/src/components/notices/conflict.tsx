/**
 * A notice for a refused decision: the server's state differs from what was shown. It shows both states.
 */

import { useId } from 'react';
import type { IDecision, IProposal } from '../../api/types';
import type { IDecisionConflict } from '../../models/interfaces';
import type { IHost } from '../host';
import { SideBySide } from '../../codemirror/side-by-side';
import { formatDeciderName } from '../proposal-status';
import { decisionWord } from '../states/decision-word';
import { formatDuration } from '../../text/duration';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatAsText } from '../changes/path-diff';
import { type IDraftConflict } from './unused-input';

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
  const { shown, now, draft, refusedAt } = surprise;
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
  const { decision } = now;
  return (
    <section className="jp-hitl-conflict" role="alert" aria-labelledby={heading}>
      <h4 id={heading}>
        {decision ? lostRaceSentence(now, decision, refusedAt, host) : changedSentence(host)}
      </h4>
      {!decision && problem && <p className="jp-hitl-error">{showHiddenCharacters(problem)}</p>}
      {decision?.reason && <p>{trans.__('Reason: %1', showHiddenCharacters(decision.reason))}</p>}
      {decision?.action === 'respond' && <p>{showHiddenCharacters(String(decision.value))}</p>}
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
      <h4 id={heading}>{changedSentence(props.host)}</h4>
      {props.problem && <p className="jp-hitl-error">{showHiddenCharacters(props.problem)}</p>}
      <p>{trans.__('Somebody has just changed it. If you agree with the new text, decide again.')}</p>
      <SideBySide
        before={formatAsText(shown)}
        after={formatAsText(now)}
        names={[trans.__('Shown'), trans.__('Now')]}
      />
    </section>
  );
}

function changedSentence({ trans }: IHost): string {
  return trans.__('This changed while you were deciding. Look at it again; nothing was decided.');
}

/** "Ada decided this 3 s before you: approved." */
function lostRaceSentence(
  now: IProposal,
  decision: IDecision,
  refusedAt: number | undefined,
  host: IHost
): string {
  const { trans } = host;
  const name = formatDeciderName(decision, host);
  const word = decisionWord(now, host).text.toLowerCase();
  const seconds = Math.round(((refusedAt ?? NaN) - Date.parse(decision.decided_at)) / 1000);
  return seconds >= 1
    ? trans.__('%1 decided this %2 before you: %3.', name, formatDuration(seconds), word)
    : trans.__('%1 decided this just before you: %2.', name, word);
}
