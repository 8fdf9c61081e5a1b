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

test('a row says what the decision changed', async () => {
  const decision = {
    ...makeClosed('1').decision!,
    action: 'edit' as const,
    by: 'person' as const,
    reviewer: 'bo'
  };
  const draft_changes = [{ label: 'amount', before: '1299', after: '11\u202e99' }];
  const { host } = makeOffice({
    'GET proposals': {
      proposals: [
        makeClosed('1', { decision, edits: 3, draft_changes }),
        makeClosed('2', { decision, edits: null, draft_changes: [] }),
        makeClosed('3', { edits: 1, draft_changes })
      ],
      next: null
    }
  });
  render(<DecidedView host={host} wide renderCard={() => null} />);
  const [changed, long, kept] = await screen.findAllByRole('article');
  expect(changed.querySelector('del')!.textContent).toContain('1299');
  expect(changed.querySelector('ins')!.textContent).toContain('11⟨U+202E⟩99');
  expect(changed.textContent).toContain('and 2 more');
  expect(long.textContent).toContain('the value was changed');
  expect(kept.querySelector('del')).toBeNull();
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
