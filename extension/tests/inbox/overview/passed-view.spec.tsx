import { fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { PassedView } from '../../../src/inbox/overview/passed-view';
import { makeClosed, makeOffice } from './office';

const flag = {
  reviewer: 'cy',
  reviewer_name: 'Cy',
  reason: 'paid twice',
  at: '2026-11-20T09:00:00Z',
  known: 'login'
};

test('what a rule passed can be flagged as wrong, with a reason', async () => {
  let flagged = false;
  const list = (): unknown => ({
    proposals: [makeClosed('1', flagged ? { flag: flag as never } : {}), makeClosed('2')],
    next: null
  });
  const { host, asked, tell } = makeOffice({
    'GET proposals': list,
    'GET policy': { rules: [] },
    'POST proposals/1/flag': { proposal: {} }
  });
  render(<PassedView host={host} wide renderCard={id => <p>card of {id}</p>} />);
  const rows = await screen.findAllByRole('article');
  const button = (row: HTMLElement): HTMLElement =>
    within(row).getByRole('button', { name: 'This was wrong…' });
  fireEvent.click(button(rows[0]));
  const send = (): void =>
    void fireEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Flag as wrong' }));
  send();
  screen.getByText('Write a text first.');
  fireEvent.change(screen.getByRole('textbox'), { target: { value: ' paid twice ' } });
  send();
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(asked.filter(one => one.method === 'POST')).toEqual([
    { method: 'POST', path: 'proposals/1/flag', body: { reason: 'paid twice' } }
  ]);
  flagged = true;
  tell({ proposals: ['1'], runs: [], drafts: [] });
  await screen.findByText('1 wrong', { selector: '.jp-hitl-overview-table *' });
  const [first, second] = screen.getAllByRole('article');
  expect(first.dataset.kind).toBe('wrong');
  expect(first.textContent).toMatch(
    /^Flagged as wrong Refund 1Cy \(cy\) · .* · “paid twice” · Passed by policy · small/
  );
  expect(within(first).queryByRole('button', { name: 'This was wrong…' })).toBeNull();
  expect(first.className).toContain('jp-mod-automatic'); // no person decided, whatever was said afterwards
  button(second);
  screen.getByText(/^1 of 2 was flagged as wrong\./);
});

test('a refused flag says why, and keeps the text', async () => {
  const { host } = makeOffice({
    'GET proposals': { proposals: [makeClosed('1')], next: null },
    'GET policy': { rules: [] }
  });
  render(<PassedView host={host} wide renderCard={() => null} />);
  fireEvent.click(await screen.findByRole('button', { name: 'This was wrong…' }));
  fireEvent.change(screen.getByRole('textbox'), { target: { value: 'paid twice' } });
  fireEvent.click(screen.getByRole('button', { name: 'Flag as wrong' }));
  await screen.findByText('not there');
  expect((screen.getByRole('textbox') as HTMLTextAreaElement).value).toBe('paid twice');
});

test('what a policy blocked is no approval, so it cannot be wrong', async () => {
  const [passed] = [makeClosed('1')];
  const blocked = makeClosed('2', { decision: { ...passed.decision!, action: 'reject' } });
  const { host } = makeOffice({
    'GET proposals': { proposals: [blocked], next: null },
    'GET policy': { rules: [] }
  });
  render(<PassedView host={host} wide renderCard={() => null} />);
  await screen.findByRole('article');
  expect(screen.queryByRole('button', { name: 'This was wrong…' })).toBeNull();
});
