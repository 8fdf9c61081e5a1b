/**
 * The sentence about a held question: its program waits for the decision, so nobody has to continue the run.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IProposal } from '../../api/types';
import type { IHost } from '../host';

/** Say that the program that asked waits for the decision. */
export function heldSentence(trans: TranslationBundle): string {
  return trans.__('The agent is waiting in another window.');
}

/** The sentence on the card of an open proposal, if a program waits with it. */
export function HeldLine({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  return proposal.held && proposal.status === 'open' ? (
    <p className="jp-hitl-held">{heldSentence(host.trans)}</p>
  ) : null;
}
