/**
 * The view around a card, such as the inbox, as far as the card's decision bar depends on it.
 */

import { createContext } from 'react';
import type { IProposal } from '../../api/types';

/** The view around a card. */
export interface IDecisionSurroundings {
  /** Whether another open proposal is shown after a decision: "Approve and next". */
  hasNext: boolean;
  /** Number of selected rows that the keys act on in place of this card; 0 if none are selected. */
  selected: number;
  /** Whether there is little room, as on a phone: the answer is in the menu of the primary button. */
  compact?: boolean;
  /** Called with the proposal as it is after a decision, unless the person wants to stay at the card. */
  onDecided?: (proposal: IProposal) => void;
}

/** The surroundings of a card; a card in a notebook has none. */
export const DecisionSurroundings = createContext<IDecisionSurroundings>({ hasNext: false, selected: 0 });
