import type { EditorView } from '@codemirror/view';
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import * as Y from 'yjs';
import type { IComment, IProposal } from '../../../src/api/types';
import { makeCommentTarget } from '../../../src/drafts/comment-anchor';
import type { IHost } from '../../../src/components/host';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import { card } from '../../bound';
import { Comments } from '../../comments';

jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const scrolled = jest.fn();

beforeEach(() => {
  jest.useFakeTimers();
  scrolled.mockClear();
  Element.prototype.scrollIntoView = scrolled;
});

afterEach(() => {
  jest.useRealTimers();
});

/** Render Ann's card of a letter. Bo's comments, which `given` adds, are there already. */
function renderLetter(given: (server: Comments) => void = () => undefined, over: Partial<IProposal> = {}) {
  const server = new Comments();
  given(server);
  const { model, host, container, drafts, views } = card(
    server.client('ann'),
    { value: 'Dear Ann, hello.', comments: server.comments, ...over },
    { status: { user: { username: 'ann' } } as IHost['status'] }
  );
  const view = (): EditorView => views[views.length - 1];
  const doc = drafts.docs.get('p')!;
  const theirs = (work: (text: Y.Text) => void): void =>
    act(() => {
      doc.transact(() => work(doc.getText('source')), 'server');
      jest.advanceTimersByTime(200);
    });
  const select = (text: string): void =>
    act(() => {
      const anchor = view().state.doc.toString().indexOf(text);
      view().dispatch({ selection: { anchor, head: anchor + text.length } });
    });
  const read = async (): Promise<void> => act(() => model.discussion!.read());
  const markedTexts = (): string[] =>
    [...container.querySelectorAll('mark.jp-hitl-remark')].map(one => one.textContent!);
  return { server, model, host, container, theirs, select, read, markedTexts, view, doc };
}

/** Return a function that adds Bo's comment on a part of the proposed letter. */
function on(quote: string, more: Partial<IComment> = {}): (server: Comments) => void {
  return server => {
    // The initial text of the test's drafts has another peer each time, so the comment is found by its quote.
    server.say('bo', { text: 'why?', quote, ...more });
  };
}

function button(name: string): HTMLButtonElement {
  return screen.getByRole('button', { name });
}

async function press(name: string): Promise<void> {
  await act(async () => fireEvent.click(button(name)));
}

function field(label: string): HTMLTextAreaElement {
  return screen.getByLabelText(label);
}

function type(node: HTMLTextAreaElement, text: string): void {
  fireEvent.change(node, { target: { value: text, selectionStart: text.length, selectionEnd: text.length } });
}

function threads(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('.jp-hitl-thread')];
}

test('a line that differs from the proposed one has a bar while it is edited', () => {
  const { theirs, container } = renderLetter();
  expect(container.querySelector('.jp-hitl-line-changed')).toBeNull();
  theirs(source => source.insert(0, 'My '));
  expect(container.querySelector('.jp-hitl-line-changed')!.textContent).toBe('My Dear Ann, hello.');
});

test('a selection can be commented on, and the comment is marked in the text', async () => {
  const { select, server, markedTexts, theirs } = renderLetter();
  expect(screen.queryByRole('button', { name: 'Comment on the selection' })).toBeNull();
  select('Ann');
  await press('Comment on the selection');
  expect(document.activeElement).toBe(field('Your comment'));
  expect(screen.getByLabelText('About').textContent).toBe('Ann');
  type(field('Your comment'), 'who is she?');
  await press('Comment');
  const [{ quote, prefix, suffix, anchor, text }] = server.comments;
  expect([quote, prefix, suffix, text]).toEqual(['Ann', 'Dear ', ', hello.', 'who is she?']);
  expect(anchor).not.toBeNull();
  expect([markedTexts(), field('Your comment').value, threads()]).toEqual([['Ann'], '', [expect.anything()]]);
  theirs(source => source.insert(0, 'My '));
  theirs(source => source.insert(9, '-'));
  expect(markedTexts()).toEqual(['A-nn']);
  expect(threads()[0].textContent).toContain('Text now: A-nn');
});

test('all suggestions are accepted at once from the menu of the comments, until one cannot be', async () => {
  const { model, server } = renderLetter(given => {
    on('Dear', { suggestion: 'My dear', text: '' })(given);
    on('Ann', { suggestion: 'Bo', text: '' })(given);
    on('hello', { text: 'no suggestion' })(given);
  });
  await press('More for the comments');
  await act(async () => fireEvent.click(screen.getByRole('menuitem', { name: 'Accept all 2 suggestions' })));
  expect(model.value).toBe('My dear Bo, hello.');
  expect(server.comments.map(one => one.state)).toEqual(['accepted', 'accepted', 'open']);
  expect(screen.queryByRole('button', { name: 'More for the comments' })).toBeNull();
  act(() => model.undo());
  expect(model.value).toBe('My dear Ann, hello.');
});

test('the comments of the card, and so its key C, are about the selection if there is one', async () => {
  const { select, view } = renderLetter();
  select('Ann');
  await press('Comments: none open');
  expect(screen.getByLabelText('About').textContent).toBe('Ann');
  expect(document.activeElement).toBe(field('Your comment'));
  await press('Cancel');
  act(() => view().dispatch({ selection: { anchor: 0 } }));
  await press('Comments: none open');
  expect(screen.queryByLabelText('About')).toBeNull();
  expect(document.activeElement).toBe(field('Your comment'));
});

test('a comment has its age, and its exact time, by 24 hours, in the tooltip', () => {
  jest.setSystemTime(new Date('2026-01-31T21:30:00Z'));
  const { container } = renderLetter(on('Ann', { at: '2026-01-31T21:26:00Z' }));
  const time = container.querySelector<HTMLTimeElement>('.jp-hitl-thread time')!;
  expect(time.textContent).toBe('4 min ago');
  expect(time.title).toContain(`${new Date(time.dateTime).getHours()}:26:00`);
  expect(time.title).not.toMatch(/[AP]M/);
});

test('by the keyboard: the selection, or the comment at the cursor; Escape leads back', async () => {
  const { select, view, markedTexts } = renderLetter(on('Ann'));
  const key = { key: 'm', code: 'KeyM', keyCode: 77, ctrlKey: true, altKey: true };
  select('hello');
  fireEvent.keyDown(view().contentDOM, key);
  expect(screen.getAllByLabelText('About')[1].textContent).toBe('hello');
  fireEvent.keyDown(field('Your comment'), { key: 'Escape' });
  expect(document.activeElement).toBe(view().contentDOM);
  expect(screen.getAllByLabelText('About')).toHaveLength(1);
  act(() => view().dispatch({ selection: { anchor: 6 } }));
  fireEvent.keyDown(view().contentDOM, key);
  expect(document.activeElement).toBe(threads()[0]);
  expect(markedTexts()).toEqual(['Ann']);
});

test('a mark leads to its comment, and the comment to its mark', async () => {
  const { container, view } = renderLetter(server => ['Dear', 'Ann'].forEach(quote => on(quote)(server)));
  const [, second] = container.querySelectorAll('mark');
  fireEvent.click(second);
  expect(threads().map(one => one.classList.contains('jp-mod-chosen'))).toEqual([false, true]);
  expect(scrolled.mock.instances[0]).toBe(threads()[1]);
  await act(async () => fireEvent.click(within(threads()[0]).getByText('Show in the text')));
  const { from, to } = view().state.selection.main;
  expect([from, to, document.activeElement]).toEqual([0, 4, view().contentDOM]);
  expect(container.querySelector('mark.jp-mod-chosen')?.textContent).toBe('Dear');
});

test('comments have their numbers in the text and in the list, and the one at the cursor is outlined', async () => {
  const { container, view } = renderLetter(server => ['Ann', 'Dear'].forEach(quote => on(quote)(server)));
  const signs = [...container.querySelectorAll<HTMLElement>('.jp-hitl-remark-number')];
  expect(signs.map(one => [one.dataset.number, one.textContent])).toEqual([
    ['1', ''],
    ['2', '']
  ]);
  const marks = [...container.querySelectorAll('mark')];
  const markBehind = (sign: Element): Element | undefined =>
    marks.find(one => sign.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
  expect(signs.map(one => markBehind(one)?.textContent)).toEqual(['Dear', 'Ann']);
  const numbers = threads().map(one => one.querySelector('.jp-hitl-thread-number')?.textContent);
  expect(numbers).toEqual(['2', '1']);
  const listOutlined = (): (string | null | undefined)[] => [
    container.querySelector('mark.jp-mod-chosen')?.textContent,
    ...[...container.querySelectorAll('.jp-hitl-thread.jp-mod-chosen .jp-hitl-thread-number')].map(
      one => one.textContent
    )
  ];
  const moveTo = (anchor: number): Promise<void> =>
    act(async () => view().dispatch({ selection: { anchor } }));
  view().focus();
  scrolled.mockClear();
  await moveTo(6);
  expect(listOutlined()).toEqual(['Ann', '2']);
  await moveTo(2);
  expect(listOutlined()).toEqual(['Dear', '1']);
  await moveTo(11);
  expect(listOutlined()).toEqual([undefined]);
  expect(scrolled).not.toHaveBeenCalled(); // the person is in the text
});

test('a comment whose text is gone says so', () => {
  const { theirs, markedTexts } = renderLetter(on('Ann'));
  theirs(source => source.delete(5, 3));
  expect(markedTexts()).toEqual([]);
  expect(threads()[0].querySelector('blockquote del')?.textContent).toBe('Ann');
  expect(screen.getByText('The text it was about is gone.')).toBeTruthy();
});

test('is answered, resolved and opened again; who did it is said', async () => {
  const { server, markedTexts } = renderLetter(on('Ann'));
  await press('Reply');
  expect(document.activeElement).toBe(field('Your reply'));
  type(field('Your reply'), 'the customer');
  await press('Send');
  expect(server.comments[1]).toMatchObject({ thread: 'c1', text: 'the customer', author: 'ann' });
  expect(within(screen.getByRole('list', { name: 'Replies' })).getByText('the customer')).toBeTruthy();
  expect(screen.getByText('1 open, 0 settled')).toBeTruthy();
  await press('Resolve');
  expect([markedTexts(), screen.queryByText('the customer')]).toEqual([[], null]);
  expect(threads()[0].textContent).toContain('Resolved by You, ');
  expect(screen.getByText('0 open, 1 settled').getAttribute('aria-live')).toBe('polite');
  fireEvent.click(button('Show'));
  expect(screen.getByText('the customer')).toBeTruthy();
  await press('Reopen');
  expect(markedTexts()).toEqual(['Ann']);
});

test('a change is suggested: old, new, and a word to it if one likes', async () => {
  const { server, select } = renderLetter();
  select('hello');
  await press('Suggest a change');
  expect([document.activeElement, button('Suggest').disabled]).toEqual([field('Suggested instead'), true]);
  expect(field('Suggested instead').value).toBe('hello');
  type(field('Suggested instead'), 'good morning');
  await press('Suggest');
  expect(server.comments[0]).toMatchObject({ quote: 'hello', suggestion: 'good morning', text: '' });
  expect(threads()[0].querySelector('del')?.textContent).toBe('hello');
  expect(threads()[0].querySelector('ins')?.textContent).toBe('good morning');
});

test('a suggestion is accepted with one click', async () => {
  const { model, markedTexts, theirs } = renderLetter(on('hello', { suggestion: 'hi\u202e', text: '' }));
  theirs(source => source.insert(0, 'My '));
  expect(threads()[0].querySelector('ins')?.textContent).toBe('hi⟨U+202E⟩');
  await press('Accept');
  expect([model.value, markedTexts()]).toEqual(['My Dear Ann, hi\u202e.', []]);
  expect(threads()[0].textContent).toContain('Accepted by You, ');
  expect(screen.queryByRole('button', { name: 'Reopen' })).toBeNull();
});

test('a suggestion that somebody else accepted first is not put in again', async () => {
  const { model, server } = renderLetter(on('hello', { suggestion: 'hi', text: '' }));
  Object.assign(server.comments[0], { state: 'accepted', state_by: 'bo', state_at: '2026-02-01T10:00:00Z' });
  await act(async () => {
    server.comments = server.comments.map(one => ({ ...one }));
    fireEvent.click(button('Accept'));
  });
  expect(model.value).toBe('Dear Ann, hello.');
  expect(screen.getByRole('alert').textContent).toBe('bo has already accepted this suggestion');
  expect(threads()[0].textContent).toContain('Accepted by bo, ');
});

test('a suggestion is dismissed, and cannot be accepted once its text is gone', async () => {
  const { theirs, server } = renderLetter(on('hello', { suggestion: '', text: '' }));
  expect(threads()[0].textContent).toContain('nothing (delete the text)');
  theirs(source => source.delete(10, 5));
  expect(button('Accept').disabled).toBe(true);
  await press('Dismiss');
  expect(server.comments[0].state).toBe('dismissed');
  expect(threads()[0].textContent).toContain('Dismissed by You, ');
});

test('after "@" people are offered, and called', async () => {
  const { server } = renderLetter();
  fireEvent.click(screen.getByRole('button', { name: /^Comments:/ }));
  const node = field('Your comment');
  await act(async () => type(node, 'look, @'));
  const optionTexts = (): string[] => screen.getAllByRole('option').map(one => one.textContent!);
  expect(optionTexts()).toEqual(['Ann Lee ann', 'Bo⟨U+202E⟩ bo']);
  expect(node.getAttribute('aria-activedescendant')).toBe(screen.getAllByRole('option')[0].id);
  await act(async () => type(node, 'look, @b'));
  expect(optionTexts()).toEqual(['Bo⟨U+202E⟩ bo']);
  fireEvent.keyDown(node, { key: 'Escape' });
  expect(screen.queryByRole('listbox')).toBeNull();
  await act(async () => type(node, 'look, @'));
  fireEvent.keyDown(node, { key: 'ArrowDown' });
  expect(screen.getAllByRole('option')[1].getAttribute('aria-selected')).toBe('true');
  fireEvent.keyDown(node, { key: 'Enter' });
  expect([node.value, screen.queryByRole('listbox')]).toEqual(['look, @Bo\u202e ', null]);
  await press('Comment');
  expect(server.comments[0].mentions).toEqual(['bo']);
  expect(document.querySelector('.jp-hitl-mention')?.textContent).toBe('@Bo⟨U+202E⟩');
  expect(server.calls.filter(one => one.startsWith('GET documents'))).toHaveLength(1);
});

test('who is here can be called too, also by who answers', async () => {
  const { server, model } = renderLetter(one => {
    one.people = [];
    one.say('bo', { text: 'why?' });
  });
  act(() => {
    const states = model.draft!.awareness.states;
    states.set(7, { user: { username: 'cy', name: 'Cy Young' } });
    model.draft!.awareness.emit('change', [{ added: [7], updated: [], removed: [] }, 'server']);
  });
  await press('Reply');
  await act(async () => type(field('Your reply'), '@cy'));
  fireEvent.click(screen.getByRole('option', { name: 'Cy Young cy' }));
  await press('Send');
  expect(server.comments[1].mentions).toEqual(['cy']);
});

test('a mail address and a stranger call nobody', async () => {
  const { server } = renderLetter();
  fireEvent.click(screen.getByRole('button', { name: /^Comments:/ }));
  const node = field('Your comment');
  await act(async () => type(node, '@'));
  await act(async () => type(node, 'bo@example.org, @Bobo, @Ann Leeds'));
  await press('Comment');
  expect(server.comments[0].mentions).toEqual(expect.not.arrayContaining(['bo', 'ann']));
});

test('a suggestion and a reply that were begun are there when the card is drawn again', async () => {
  const { select, server, model, host } = renderLetter(on('hello'));
  await press('Reply');
  type(field('Your reply'), 'because');
  select('Ann');
  await press('Suggest a change');
  type(field('Suggested instead'), 'Bo');
  cleanup();
  await act(async () => void render(<ProposalCard model={model} host={host} />));
  expect([field('Suggested instead').value, field('Your reply').value]).toEqual(['Bo', 'because']);
  await press('Suggest');
  expect(server.comments[1]).toMatchObject({ quote: 'Ann', suggestion: 'Bo' });
  expect(screen.queryByLabelText('Suggested instead')).toBeNull();
});

test('who is called sees it', () => {
  renderLetter(server => server.say('bo', { text: 'look', mentions: ['ann'] }));
  expect(within(threads()[0]).getByText('mentions you')).toBeTruthy();
});

test('what others say appears', async () => {
  const { server, read } = renderLetter();
  server.say('bo', { text: '<b>late</b>\u200b' });
  await read();
  expect(threads()[0].textContent).toContain('BO');
  expect(screen.getByText('<b>late</b>⟨U+200B⟩')).toBeTruthy();
});

test('of a decided proposal comments are there, and their quotes', () => {
  renderLetter(on('Ann', { suggestion: 'Bo' }), { status: 'superseded' });
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  expect(threads()[0].textContent).toContain('Then:');
  expect(button('Accept').disabled).toBe(true);
  expect(document.querySelector('mark')).toBeNull();
});

test('an anchor that another browser made is found here', async () => {
  const { server, read, doc, markedTexts } = renderLetter();
  const anchor = makeCommentTarget(doc.getText('source'), { start: 5, end: 8 }).anchor;
  server.say('bo', { text: 'why?', quote: 'Ann', anchor });
  await read();
  expect(markedTexts()).toEqual(['Ann']);
});
