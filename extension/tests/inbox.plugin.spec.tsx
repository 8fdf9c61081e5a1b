import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { Client } from '../src/api/client';
import type { IProposalModel } from '../src/model';
import { ById } from '../src/plugins/inbox';
import type { IReview } from '../src/tokens';
import { Drafts } from './drafts';

// Whole packages want a browser's drag and drop; the card has tests of its own.
jest.mock('@jupyterlab/ui-components', () => ({
  UseSignal: (props: { children: () => ReactNode }) => props.children()
}));
jest.mock('../src/view/card', () => ({
  Card: ({ model }: { model: IProposalModel }) => <p>card of {model.proposal.id}</p>
}));

/** A server that has proposal "a", and says something about all others. */
function review(): IReview {
  const answer = (body: unknown, status = 200): Response =>
    ({ ok: status === 200, status, json: async () => body }) as Response;
  const client = new Client(async path =>
    path === 'proposals/a'
      ? answer({ id: 'a', run: 'r', kind: 'text', value: 'Dear', status: 'open' })
      : path === 'runs/r'
        ? answer({ run: { id: 'r' }, proposals: [] })
        : answer({ error: 'UnknownProposal', message: 'there is no \u202eproposal' }, 404)
  );
  const feed = { changed: new Signal({}) };
  return {
    client,
    feed,
    drafts: new Drafts(),
    trans: nullTranslator.load('hitl_nb'),
    changed: new Signal({})
  } as unknown as IReview;
}

test('what is wrong with one proposal is said as it is, and not of the next one', async () => {
  const host = review();
  const { rerender } = render(<ById id="gone" review={host} />);
  await act(async () => undefined);
  expect(screen.getByRole('alert').textContent).toBe('there is no ⟨U+202E⟩proposal');
  rerender(<ById id="a" review={host} />);
  expect(screen.queryByRole('alert')).toBeNull();
  await act(async () => undefined);
  await act(async () => undefined);
  screen.getByText('card of a');
  rerender(<ById id="gone" review={host} />);
  expect(screen.queryByText('card of a')).toBeNull();
  await act(async () => undefined);
});
