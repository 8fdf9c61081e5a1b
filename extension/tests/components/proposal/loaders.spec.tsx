import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, render, screen } from '@testing-library/react';
import { Client } from '../../../src/api/client';
import type { IProposalModel } from '../../../src/models/interfaces';
import { CardById } from '../../../src/components/proposal/loaders';
import type { IHost } from '../../../src/components/host';
import { Drafts } from '../../drafts';

// The whole packages need a browser's drag and drop; the card has its own tests.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));
jest.mock('../../../src/components/proposal/proposal-card', () => ({
  ProposalCard: ({ model }: { model: IProposalModel }) => <p>card of {model.proposal.id}</p>
}));

/** Make a server that has proposal "a", and answers with an error for all others. */
function server(): IHost {
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
  } as unknown as IHost;
}

test('what is wrong with one proposal is said as it is, and not of the next one', async () => {
  const host = server();
  const { rerender } = render(<CardById id="gone" host={host} />);
  await act(async () => undefined);
  expect(screen.getByRole('alert').textContent).toBe('there is no ⟨U+202E⟩proposal');
  rerender(<CardById id="a" host={host} />);
  expect(screen.queryByRole('alert')).toBeNull();
  await act(async () => undefined);
  await act(async () => undefined);
  screen.getByText('card of a');
  rerender(<CardById id="gone" host={host} />);
  expect(screen.queryByText('card of a')).toBeNull();
  await act(async () => undefined);
});
