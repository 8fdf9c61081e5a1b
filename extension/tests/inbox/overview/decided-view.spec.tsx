import { fireEvent, render, screen } from '@testing-library/react';
import type { IProposal } from '../../../src/api/types';
import { CollapsedCard } from '../../../src/components/proposal/collapsed-card';
import type { IProposalModel } from '../../../src/models/interfaces';
import { DecidedView } from '../../../src/inbox/overview/decided-view';
import { PassedView } from '../../../src/inbox/overview/passed-view';
import { makeClosed, makeOffice } from './office';

/** An office with one decided proposal, and how its card is drawn. */
function makeDecided() {
  const proposal = makeClosed('1', { value: '48.00' } as object) as unknown as IProposal;
  const { host } = makeOffice({
    'GET proposals': { proposals: [proposal], next: null },
    'GET policy': { rules: [] }
  });
  const renderCard = (id: string): JSX.Element => (
    <CollapsedCard key={id} model={{ proposal } as IProposalModel} host={host}>
      <p>evidence, changes and votes of {id}</p>
    </CollapsedCard>
  );
  return { host, renderCard };
}

const DETAILS = 'evidence, changes and votes of 1';

test('a decided proposal that is opened shows its details at once, and they can be hidden', async () => {
  const { host, renderCard } = makeDecided();
  render(<DecidedView host={host} wide renderCard={renderCard} />);
  fireEvent.click(await screen.findByRole('button', { name: /Refund 1/ }));
  screen.getByText(DETAILS);
  fireEvent.click(screen.getByRole('button', { name: 'Hide the details' }));
  expect(screen.queryByText(DETAILS)).toBeNull();
});

test('so does what a policy passed', async () => {
  const { host, renderCard } = makeDecided();
  render(<PassedView host={host} wide renderCard={renderCard} />);
  fireEvent.click(await screen.findByRole('button', { name: /Refund 1/ }));
  screen.getByText(DETAILS);
});

test('elsewhere a decided card is two lines', () => {
  const { renderCard } = makeDecided();
  render(renderCard('1'));
  expect(screen.queryByText(DETAILS)).toBeNull();
});
