/**
 * What a card's decision bar knows about the view around it, such as the inbox.
 */

import { createContext } from 'react';

/** The view around a card. */
export interface IDecisionSurroundings {
  /** Whether another open proposal is shown after a decision: "Approve and next". */
  hasNext: boolean;
  /** Number of selected rows that the keys act on in place of this card; 0 if none are selected. */
  selected: number;
  /** Called after a decision, unless the person wants to stay at the card. */
  onDecided?: () => void;
}

/** The surroundings of a card; a card in a notebook has none. */
export const DecisionSurroundings = createContext<IDecisionSurroundings>({ hasNext: false, selected: 0 });
