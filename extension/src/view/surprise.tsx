/**
 * A decision that was not taken because the server has something else than was shown: what was shown, and what is there.
 */

import { useId } from 'react';
import type { IProposal } from '../api/types';
import type { IHost } from './host';
import { SideBySide } from './sidebyside';
import { state } from './state';
import { visible } from './visible';

interface IProps {
  surprise: { shown: IProposal; now: IProposal };
  /** The server's sentence about it, or "". */
  problem: string;
  host: IHost;
}

export function Surprise({ surprise: { shown, now }, problem, host }: IProps): JSX.Element {
  const { trans } = host;
  const heading = useId();
  const same =
    shown.text === now.text && shown.fingerprint === now.fingerprint && shown.revision === now.revision;
  if (same && shown.status === now.status) {
    return (
      <p className="jp-hitl-wrong" role="alert">
        {visible(problem)}
      </p>
    );
  }
  return (
    <section className="jp-hitl-surprise" role="alert" aria-labelledby={heading}>
      <h4 id={heading}>{trans.__('This is not what you were shown: your decision was not taken')}</h4>
      {problem && <p className="jp-hitl-wrong">{visible(problem)}</p>}
      <dl>
        <dt>{trans.__('Shown')}</dt>
        <dd>{about(shown, host)}</dd>
        <dt>{trans.__('Now')}</dt>
        <dd>
          {about(now, host)}
          {now.decision?.reason && <p>{trans.__('Reason: %1', visible(now.decision.reason))}</p>}
          {now.decision?.action === 'respond' && <p>{visible(String(now.decision.value))}</p>}
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

function about(proposal: IProposal, host: IHost): string {
  return host.trans.__('Revision %1. %2', proposal.revision, state(proposal, host));
}
