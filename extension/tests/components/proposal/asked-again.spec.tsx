import { act, fireEvent, render, screen } from '@testing-library/react';
import type { IProposal } from '../../../src/api/types';
import { CollapsedCard } from '../../../src/components/proposal/collapsed-card';
import type { IProposalModel } from '../../../src/models/interfaces';
import { makeClosed, makeOffice, makeRun } from '../../inbox/overview/office';

const place = { run: 'r1', position: 'cell:3', ordinal: 1, pause: 1 };

test('an expired card leads to the question that was asked again, as soon as it is there', async () => {
  const proposal = makeClosed('1', { ...place, status: 'expired' }) as unknown as IProposal;
  const proposals = [makeClosed('2', { ...place, status: 'open', pause: 2, ordinal: 0 })];
  const opened: string[] = [];
  const { host, tell } = makeOffice(
    { 'GET runs/r1': () => ({ run: makeRun(), proposals: [...proposals], may: {} }) },
    { openProposal: id => opened.push(id) }
  );
  render(
    <CollapsedCard model={{ proposal } as IProposalModel} host={host}>
      <></>
    </CollapsedCard>
  );
  screen.getByText('The approval was too old when the run continued, so it is asked again.');
  await act(async () => undefined);
  expect(screen.queryByRole('button', { name: 'Go to the new one' })).toBeNull();
  proposals.push(makeClosed('3', { ...place, status: 'open', pause: 2 }));
  act(() => tell({ proposals: [], runs: ['r1'], drafts: [] }));
  fireEvent.click(await screen.findByRole('button', { name: 'Go to the new one' }));
  expect(opened).toEqual(['3']);
});
