import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { InboxModel } from '../../../src/inbox/stores/inbox-model';
import { BatchBar } from '../../../src/inbox/batch/batch-bar';
import { Answers, makeClosed, makeOffice } from '../overview/office';

function show(answers: Answers = {}) {
  const selection = ['a', 'b'].map(id => makeClosed(id, { status: 'open', document: `doc-${id}` }));
  const problems: string[] = [];
  const model = {
    ...{ selected: 2, selection, selectAll: () => undefined, refresh: async () => undefined },
    showProblem: (why: string) => problems.push(why)
  } as unknown as InboxModel;
  const office = makeOffice(
    {
      'GET documents/doc-a/comments': { comments: [], people: [{ username: 'bo', name: 'Bo' }] },
      ...answers
    },
    {
      status: { votes_as: 'cy', user: { username: 'cy' } } as never,
      pageUrl: id => `https://here/hitl_nb/review/${id}`
    }
  );
  render(<BatchBar model={model} host={office.host} run={() => undefined} />);
  fireEvent.click(screen.getByRole('button', { name: 'More for the selected' }));
  return { ...office, problems };
}

const readAnnouncement = (): string => document.querySelector('.jp-hitl-said')?.textContent ?? '';

test('one comment is added to each of the selected, and those that failed are tried again alone', async () => {
  let works = false;
  const comment = (): unknown => (works ? { comment: {} } : undefined);
  const { asked } = show({
    'POST documents/doc-a/comments': { comment: {} },
    'POST documents/doc-b/comments': comment
  });
  fireEvent.click(screen.getByRole('menuitem', { name: 'Comment…' }));
  screen.getByRole('dialog', { name: 'Comment on 2 proposals' });
  fireEvent.change(screen.getByRole('textbox'), { target: { value: ' Which account? ' } });
  fireEvent.click(screen.getByRole('button', { name: 'Comment' }));
  await screen.findByText('Refund b: not there');
  screen.getByRole('dialog', { name: 'Comment on 1 proposal' });
  works = true;
  fireEvent.click(screen.getByRole('button', { name: 'Comment' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  const posted = asked.filter(one => one.method === 'POST').map(({ path, body }) => [path, body]);
  expect(posted).toEqual([
    ['documents/doc-a/comments', { text: 'Which account?' }],
    ['documents/doc-b/comments', { text: 'Which account?' }],
    ['documents/doc-b/comments', { text: 'Which account?' }]
  ]);
  expect(readAnnouncement()).toBe('2 comments were added.');
});

test('the selected are assigned to a person, to me, or to nobody', async () => {
  const { asked } = show({ 'PUT proposals/a/assignee': {}, 'PUT proposals/b/assignee': {} });
  fireEvent.click(screen.getByRole('menuitem', { name: 'Assign…' }));
  await screen.findByRole('option', { name: 'Bo (bo)' });
  expect(screen.getAllByRole('option').map(one => one.textContent)).toEqual(['You', 'Bo (bo)', 'Nobody']);
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'bo' } });
  fireEvent.click(screen.getByRole('button', { name: 'Assign' }));
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  const put = asked.filter(one => one.method === 'PUT').map(({ path, body }) => [path, body]);
  expect(put).toEqual([
    ['proposals/a/assignee', { assignee: 'bo' }],
    ['proposals/b/assignee', { assignee: 'bo' }]
  ]);
});

test('the links are those of the review pages', async () => {
  const copied: string[] = [];
  Object.assign(navigator, { clipboard: { writeText: async (text: string) => void copied.push(text) } });
  show();
  fireEvent.click(screen.getByRole('menuitem', { name: 'Copy links' }));
  await waitFor(() => expect(readAnnouncement()).toBe('2 links were copied.'));
  expect(copied).toEqual(['https://here/hitl_nb/review/a\nhttps://here/hitl_nb/review/b']);
});
