import * as Y from 'yjs';
import type { IComment } from '../../src/api/types';
import { makeCommentTarget } from '../../src/drafts/comment-anchor';
import type { IDraft } from '../../src/drafts/draft';
import { Discussion } from '../../src/models/discussion';
import { Comments } from '../comments';
import { Drafts } from '../drafts';

/** Make a discussion of a letter that two people have open. */
function openLetter() {
  const server = new Comments();
  const drafts = new Drafts();
  const draft = drafts.open({ document: 'p', kind: 'text', value: 'Dear Ann, hello.' });
  const doc = drafts.docs.get('p')!;
  const ann = new Discussion(server.client('ann'), 'p');
  const bo = new Discussion(server.client('bo'), 'p');
  const suggest = async (quote: string, suggestion: string): Promise<IComment> => {
    const start = String(draft.value).indexOf(quote);
    const where = makeCommentTarget(draft.file!.ysource, { start, end: start + quote.length });
    await bo.addComment({ text: '', ...where, suggestion });
    await ann.read();
    return bo.comments[bo.comments.length - 1];
  };
  /** Edit the text as the other person. */
  const theirs = (work: (text: Y.Text) => void): void =>
    doc.transact(() => work(doc.getText('source')), 'server');
  return { server, draft: draft as IDraft, ann, bo, suggest, theirs };
}

test('what is said is there, with who may be called', async () => {
  const { ann, bo, server } = openLetter();
  expect(await ann.addComment({ text: 'why?', mentions: ['bo'] })).toBe(true);
  await bo.read();
  expect(bo.comments.map(one => [one.author, one.text, one.mentions])).toEqual([['ann', 'why?', ['bo']]]);
  expect(bo.people).toEqual(server.people);
});

test('what the server knew earlier takes nothing away', async () => {
  const { ann } = openLetter();
  await ann.addComment({ text: 'why?' });
  const [before] = ann.comments;
  await ann.changeState(before, 'resolved');
  ann.merge([]);
  ann.merge([before]);
  expect(ann.comments.map(one => one.state)).toEqual(['resolved']);
});

test('why something was not said is told', async () => {
  const { ann, server } = openLetter();
  server.refusal = { status: 400, body: { error: 'BadRequest', message: 'too long' } };
  expect(await ann.addComment({ text: 'x' })).toBe(false);
  expect([ann.problem, ann.comments]).toEqual(['too long', []]);
  server.refusal = null;
  expect([await ann.addComment({ text: 'x' }), ann.problem]).toEqual([true, '']);
});

test('a suggestion that is accepted is in the draft, and can be taken back there', async () => {
  const { ann, draft, suggest, theirs } = openLetter();
  const comment = await suggest('Ann', 'Bo');
  theirs(text => text.insert(0, 'My '));
  expect(await ann.accept(comment, draft)).toBe(true);
  expect([draft.value, ann.comments[0].state, ann.comments[0].state_by]).toEqual([
    'My Dear Bo, hello.',
    'accepted',
    'ann'
  ]);
  draft.undo();
  expect(draft.value).toBe('My Dear Ann, hello.');
});

test('of two who accept at once one puts it in', async () => {
  const { ann, bo, draft, suggest } = openLetter();
  const comment = await suggest(', hello', ', good morning');
  const accepted = await Promise.all([ann.accept(comment, draft), bo.accept(comment, draft)]);
  expect(draft.value).toBe('Dear Ann, good morning.');
  expect(accepted).toEqual([true, false]);
  expect([bo.problem, bo.comments[0].state]).toEqual([
    'ann has already accepted this suggestion',
    'accepted'
  ]);
  // The same person in another window.
  expect(await ann.accept(comment, draft)).toBe(true);
  expect(draft.value).toBe('Dear Ann, good morning.');
});

test('a suggestion whose text is gone changes nothing', async () => {
  const { ann, draft, suggest, server, theirs } = openLetter();
  const comment = await suggest('Ann', 'Bo');
  theirs(text => text.delete(5, 3));
  expect(await ann.accept(comment, draft)).toBe(false);
  expect([ann.problem, server.comments[0].state, draft.value]).toEqual([
    'The text that this suggestion is about is gone; nothing was changed.',
    'open',
    'Dear , hello.'
  ]);
});

test('a suggestion whose text goes while it is accepted is open again', async () => {
  const { ann, draft, suggest, server, theirs } = openLetter();
  const comment = await suggest('Ann', 'Bo');
  const accepted = ann.accept(comment, draft);
  theirs(text => text.delete(5, 3));
  expect(await accepted).toBe(false);
  expect([ann.problem, server.comments[0].state, ann.comments[0].state, draft.value]).toEqual([
    'The text that this suggestion is about is gone; nothing was changed.',
    'open',
    'open',
    'Dear , hello.'
  ]);
});
