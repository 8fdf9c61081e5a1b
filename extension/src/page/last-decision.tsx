/**
 * The last decision of this page, shown at its top beside the next proposal.
 */

import { useState } from 'react';
import type { IProposal } from '../api/types';
import { Button } from '../components/controls/button';
import { Alert } from '../components/controls/alert';
import { useCountdown } from '../components/hooks/use-clock';
import { decisionWord } from '../components/states/decision-word';
import { stateOf } from '../components/states/proposal-state';
import { formatTimeLeft } from '../components/terms-sentences';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { PageHost } from './page-host';

interface IProps {
  /** The proposal after the decision or the vote. */
  proposal: IProposal;
  host: PageHost;
  /** Called when the decision was taken back. */
  onTakenBack: () => void;
}

/** "Approved: Refund order 40215", with "Take back" for as long as the policy gives. */
export function LastDecision({ proposal, host, onTakenBack }: IProps): JSX.Element {
  const { trans } = host;
  const { settles_at, may, status, title } = proposal;
  const now = useCountdown(settles_at);
  const [problem, setProblem] = useState('');
  const left = settles_at && may?.undo ? formatTimeLeft(settles_at, now) : '';
  const word = status === 'open' ? stateOf({ proposal }, host).text : decisionWord(proposal, host).text;
  const takeBack = async (): Promise<void> => {
    try {
      await host.client.undoApproval(proposal.id);
      onTakenBack();
    } catch (reason) {
      setProblem(reason instanceof Error ? reason.message : String(reason));
    }
  };
  return (
    <Alert
      tone={problem ? 'bad' : 'good'}
      actions={
        left && (
          <Button icon="undo" onClick={() => void takeBack()}>
            {trans.__('Take back')}
          </Button>
        )
      }
    >
      <strong>{word}.</strong> {showHiddenCharacters(title)}
      {left && <span className="jp-hitl-num"> {trans.__('(%1 left)', left)}</span>}
      {problem && <p>{showHiddenCharacters(problem)}</p>}
    </Alert>
  );
}
