/**
 * The cards of one pause. Many decided ones in a row are folded into one line.
 */

import { createContext, useState } from 'react';
import type { IProposalModel } from '../../models/interfaces';
import { unsentTexts } from '../../models/unsent-texts';
import { Button } from '../controls/button';
import { decisionWord } from '../states/decision-word';
import { listUnsent } from '../hooks/use-unsent-text';
import type { IHost } from '../host';
import { useRedraw } from '../use-redraw';

/** Most decided cards in a row that are shown one by one. */
const MAX_DECIDED = 5;

interface IProps {
  models: readonly IProposalModel[];
  /** Draw the card of a proposal, as an element with the proposal's id as its key. */
  renderCard: (model: IProposalModel) => JSX.Element;
  host: IHost;
}

/**
 * Id of the proposal of a pause that was decided last: its card alone says how the run continues. Null outside of such
 * a list.
 */
export const LastDecided = createContext<string | null>(null);

/** The cards in their order. */
export function CardList({ models, renderCard, host }: IProps): JSX.Element {
  useRedraw(unsentTexts(host), ...models);
  // One flat list: in a list of lists a card has a new place, and is mounted again, when another one is decided.
  const cards = groupDecided(models, host).flatMap(group =>
    group.length > MAX_DECIDED
      ? [
          <DecidedFold
            key={`fold-${group[0].proposal.id}`}
            models={group}
            renderCard={renderCard}
            host={host}
          />
        ]
      : group.map(renderCard)
  );
  return <LastDecided.Provider value={lastDecided(models)}>{cards}</LastDecided.Provider>;
}

function lastDecided(models: readonly IProposalModel[]): string | null {
  const at = ({ proposal }: IProposalModel): string => proposal.decision?.decided_at ?? '';
  const [first, ...others] = models;
  return others.reduce((last, one) => (at(one) > at(last) ? one : last), first).proposal.id;
}

/** Split the proposals into runs of decided ones, and single open ones. */
function groupDecided(models: readonly IProposalModel[], host: IHost): IProposalModel[][] {
  const groups: IProposalModel[][] = [];
  let decided: IProposalModel[] | null = null;
  for (const model of models) {
    const { proposal, conflict } = model;
    if (proposal.status === 'open' || conflict !== null || listUnsent(host, proposal).length > 0) {
      decided = null;
      groups.push([model]);
    } else if (decided === null) {
      decided = [model];
      groups.push(decided);
    } else {
      decided.push(model);
    }
  }
  return groups;
}

/** "57 decided: 50 approved, 4 approved with edits, 3 rejected", with a button that shows them. */
function DecidedFold({ models, renderCard, host }: IProps): JSX.Element {
  const { trans } = host;
  const [shown, setShown] = useState(false);
  const counts = new Map<string, number>();
  models.forEach(({ proposal }) => {
    const { text } = decisionWord(proposal, host);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  });
  const parts = [...counts].map(([text, count]) => `${count} ${text.toLowerCase()}`);
  return (
    <>
      <div className="jp-hitl-decided-fold jp-hitl-root">
        <span className="jp-hitl-grow">{trans.__('%1 decided: %2', models.length, parts.join(', '))}</span>
        <Button small expanded={shown} onClick={() => setShown(!shown)}>
          {shown ? trans.__('Hide') : trans.__('Show')}
        </Button>
      </div>
      {shown && models.map(renderCard)}
    </>
  );
}
