import { CodeEditor } from '@jupyterlab/codeeditor';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as Y from 'yjs';
import { Client } from '../../../src/api/client';
import type { FeedChange } from '../../../src/api/feed';
import type { IDecision, IProposal, IRun, IProposalSummary, IWorkspace } from '../../../src/api/types';
import { ProposalModel, type IModelSource } from '../../../src/models/proposal';
import { WorkspaceModel } from '../../../src/models/workspace';
import { ProposalCard } from '../../../src/components/proposal/proposal-card';
import type { IHost } from '../../../src/components/host';
import { WorkspaceView } from '../../../src/components/proposal/workspace-view';
import { Drafts } from '../../drafts';

// The whole package needs a browser's drag and drop.
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

interface IMade {
  model: CodeEditor.IModel;
  readOnly: boolean;
}

const WORKSPACE: IWorkspace = {
  ...{
    id: 'w',
    title: 'Report\u202e',
    kind: 'text',
    run: 'r',
    agent: 'writer',
    notebook: '/a',
    path: 'a.ipynb'
  },
  ...{ key: '', ordinal: 1, position: '1', status: 'open', proposal: null, template: 'Hello', text: 'Hello' },
  ...{ created_at: '2026-01-31T10:00:00Z', updated_at: '1' }
};

const DECISION = {
  ...{
    action: 'edit',
    reviewer: 'ada',
    reviewer_name: 'Ada',
    reason: null,
    decided_at: '2026-01-31T10:00:00Z'
  },
  ...{ by: 'person', authn: 'login', known: 'login', surface: 'page' }
} as unknown as IDecision;

/** Make a server with one workspace, and the window that shows it. */
function server(over: Partial<IWorkspace> = {}) {
  const s = {
    workspace: { ...WORKSPACE, ...over },
    standing: { run: { id: 'r', status: 'running' } as IRun, proposals: [] as IProposalSummary[] },
    proposal: {} as IProposal,
    comments: 0,
    bodies: [] as { action: string; value?: string }[]
  };
  const answer = (path: string): unknown => {
    if (path.endsWith('/comments')) {
      s.comments++;
      return { comments: [], people: [] };
    }
    if (path.endsWith('/decision')) {
      return { proposal: { ...s.proposal, status: 'decided', decision: DECISION }, run: s.standing.run };
    }
    return path === 'workspaces/w' ? s.workspace : path === 'runs/r' ? s.standing : { changes: '' };
  };
  const client = new Client(async (path, init) => {
    if (init.method === 'POST' && path.endsWith('/decision')) {
      s.bodies.push(JSON.parse(String(init.body)));
    }
    return { ok: true, status: 200, json: async () => answer(path) } as Response;
  });
  const feed = { changed: new Signal<object, FeedChange>({}) };
  const drafts = new Drafts();
  const editors: IMade[] = [];
  const host = {
    ...{ client, feed, drafts, trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null },
    newEditor: (options: IMade) => {
      editors.push(options);
      return { ...options, dispose: () => undefined, hasFocus: () => false, setOption: () => undefined };
    }
  } as unknown as IHost;
  /** Change the workspace on the server, and report it over the feed. */
  const becomes = async (changed: Partial<IWorkspace>): Promise<void> => {
    Object.assign(s.workspace, changed);
    await act(async () => {
      feed.changed.emit({ proposals: [], runs: [], drafts: [], workspaces: ['w'] });
    });
    await act(async () => undefined);
  };
  return { s, host, drafts, editors, becomes };
}

async function renderWorkspace(over: Partial<IWorkspace> = {}) {
  const all = server(over);
  const model = new WorkspaceModel(all.host as unknown as IModelSource, all.s.workspace, all.s.standing);
  render(<WorkspaceView model={model} host={all.host} renderQuestion={id => <p>asked {id}</p>} />);
  await act(async () => undefined);
  const last = (): IMade => all.editors[all.editors.length - 1];
  /** Edit the document as a peer who is not present. */
  const elsewhere = (text: string): void =>
    act(() => {
      const doc = all.drafts.docs.get('w')!;
      const copy = new Y.Doc();
      Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
      copy.getText('source').insert(copy.getText('source').length, text);
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy), 'server');
    });
  return { ...all, model, last, elsewhere };
}

function state(): string {
  return document.querySelector('.jp-hitl-state')!.textContent!;
}

afterEach(() => {
  jest.useRealTimers();
});

test('an open workspace is written by everybody in the very text that is shared', async () => {
  const { model, last } = await renderWorkspace();
  expect(screen.getByRole('heading', { level: 3 }).textContent).toBe('Report⟨U+202E⟩');
  expect(state()).toBe('The agent and people write');
  expect([last().model.sharedModel, last().readOnly]).toEqual([model.draft!.file, false]);
  act(() => last().model.sharedModel.updateSource(5, 5, ' Ann'));
  expect(model.draft!.value).toBe('Hello Ann');
  expect(screen.queryByRole('button', { name: 'Take all back' })).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Undo your last edit' }));
  expect(model.draft!.value).toBe('Hello');
});

test('the agent is said to write for as long as its words come, and nobody else is taken for it', async () => {
  jest.useFakeTimers();
  const { s, elsewhere, drafts, last } = await renderWorkspace();
  const says = (): string | undefined => screen.queryByText(/is writing/)?.textContent ?? undefined;
  act(() => last().model.sharedModel.updateSource(0, 0, 'I '));
  expect(says()).toBeUndefined();
  elsewhere(' one');
  act(() => void jest.advanceTimersByTime(100));
  expect(says()).toBe('writer (agent) is writing …');
  act(() => void jest.advanceTimersByTime(1500));
  elsewhere(' two');
  act(() => void jest.advanceTimersByTime(1600));
  expect(says()).toBeDefined();
  act(() => void jest.advanceTimersByTime(600));
  expect(says()).toBeUndefined();
  act(() => drafts.lines.get('w')!.setState({ isSynced: false }));
  elsewhere(' missed');
  act(() => void jest.advanceTimersByTime(100));
  expect(says()).toBeUndefined();
  act(() => drafts.lines.get('w')!.setState({ isSynced: true }));
  s.standing.run.status = 'waiting';
  elsewhere(' by a person of another server');
  act(() => void jest.advanceTimersByTime(100));
  expect(says()).toBeUndefined();
});

test('what somebody types in is not taken away when the agent asks; it is when they have left', async () => {
  jest.useFakeTimers();
  const { becomes } = await renderWorkspace();
  fireEvent.click(screen.getByRole('button', { name: 'Comments' }));
  const field = screen.getByLabelText('Your comment');
  act(() => field.focus());
  await becomes({ proposal: 'p' });
  expect(document.activeElement).toBe(field);
  expect(screen.queryByText('asked p')).toBeNull();
  screen.getByText(/^writer asks whether it is done/);
  act(() => field.blur());
  act(() => field.focus()); // the focus returns at once
  act(() => jest.advanceTimersByTime(1000));
  expect(screen.queryByText('asked p')).toBeNull();
  act(() => field.blur());
  act(() => jest.advanceTimersByTime(100));
  expect(field.isConnected).toBe(true);
  act(() => jest.advanceTimersByTime(500));
  screen.getByText('asked p');
});

test('who types when the agent asks can decide at once', async () => {
  const { becomes } = await renderWorkspace();
  fireEvent.click(screen.getByRole('button', { name: 'Comments' }));
  act(() => screen.getByLabelText('Your comment').focus());
  await becomes({ proposal: 'p' });
  fireEvent.click(screen.getByRole('button', { name: 'Decide' }));
  screen.getByText('asked p');
});

test('while people are asked there is no second editor, then what they decided, and then the document again', async () => {
  const { s, model, becomes, editors, last } = await renderWorkspace();
  await becomes({ proposal: 'p', updated_at: '2' });
  expect(state()).toBe('Your decision');
  screen.getByText('asked p');
  expect(screen.queryByLabelText('Document')).toBeNull();
  const before = model.draft;
  s.standing.proposals = [{ id: 'p', document: 'w', decision: DECISION } as unknown as IProposalSummary];
  await becomes({ proposal: null, status: 'done', text: 'Hello all', updated_at: '3' });
  expect(state()).toBe('Marked as done by Ada');
  screen.getByTitle('Ada (ada), logged in');
  expect([last().model.sharedModel.getSource(), last().readOnly, model.draft]).toEqual([
    'Hello all',
    true,
    null
  ]);
  await becomes({ status: 'open', updated_at: '4' });
  expect(model.draft).not.toBe(before);
  expect(last().model.sharedModel).toBe(model.draft!.file);
  await becomes({ status: 'closed', text: 'The end' });
  expect(state()).toBe('Closed');
  expect([last().model.sharedModel.getSource(), last().readOnly]).toEqual(['The end', true]);
  screen.getByRole('button', { name: 'History' });
  expect(editors.length).toBeLessThan(8);
});

test('a room that was closed is entered again once the record is another one, and not before', async () => {
  const { s, model, becomes, drafts } = await renderWorkspace();
  const room = model.draft;
  act(() =>
    drafts.lines
      .get('w')!
      .setState({ closeReason: 'you may read this draft, but not change it', isSynced: false })
  );
  await act(async () => undefined);
  expect(model.draft).toBe(room);
  await screen.findByText('you may read this draft, but not change it');
  s.workspace = { ...s.workspace };
  await becomes({ updated_at: '2' });
  expect(model.draft).not.toBe(room);
});

test('what was typed too late is shown beside what there is', async () => {
  const { becomes, drafts, last } = await renderWorkspace();
  act(() => {
    last().model.sharedModel.updateSource(5, 5, ' too late');
    drafts.lines.get('w')!.setState({ isSaved: false });
  });
  await becomes({ status: 'closed', text: 'Hello', updated_at: '2' });
  const told = screen.getByRole('alert');
  expect(told.textContent).toContain('your last edits are not in it');
  expect(told.textContent).toContain('Hello too late');
});

test('comments are read at first, and when something is said there', async () => {
  const { s, becomes, model } = await renderWorkspace();
  expect(s.comments).toBe(1);
  await becomes({});
  expect(s.comments).toBe(2);
  const room = model.draft!;
  model.dispose();
  await becomes({ status: 'closed' });
  expect([s.comments, room.isSynced]).toEqual([2, true]);
});

test.each([
  ['as it was when the agent asked', '', { action: 'approve' }],
  ['with what people wrote since', ' all', { action: 'edit', value: 'Hello all' }]
])('one button says that a workspace is done, %s', async (_, typed, body) => {
  const { s, host, editors } = server();
  const proposal = {
    ...{ id: 'p', document: 'w', run: 'r', title: 'Done?', kind: 'text', status: 'open', revision: 1 },
    ...{ allow: ['approve', 'edit', 'reject'], reasons: [], decision: null, schema: null, options: null },
    ...{
      changes: '',
      text: '',
      value: 'Hello',
      agent: 'writer',
      context: null,
      comments: [],
      fingerprint: 'f'
    }
  } as unknown as IProposal;
  s.proposal = proposal;
  const model = new ProposalModel(host as unknown as IModelSource, proposal);
  expect(model.draft!.document).toBe('w');
  render(<ProposalCard model={model} host={host} />);
  screen.getByText(/This is the workspace that writer and people write/);
  if (typed) {
    act(() => editors[0].model.sharedModel.updateSource(5, 5, typed));
  }
  for (const name of ['Done', /^Reject…/, 'Undo your last edit', 'Redo']) {
    screen.getByRole('button', { name });
  }
  for (const name of ['Take all back', 'Original']) {
    expect(screen.queryByRole('button', { name })).toBeNull();
  }
  await act(async () => {
    fireEvent.click(screen.getByRole('button', { name: 'Done' }));
  });
  expect(s.bodies).toEqual([expect.objectContaining({ ...body, drafted: true })]);
  expect(state()).toBe('Marked as done, with edits');
  expect(screen.queryByLabelText('Document')).toBeNull(); // the document is in the workspace
  fireEvent.click(screen.getByRole('button', { name: 'Show the details' }));
  screen.getByRole('group', { name: 'Document' });
});

test('the card itself takes the focus, so that Escape leaves its text', async () => {
  await renderWorkspace();
  const card = document.querySelector<HTMLElement>('.jp-hitl-card.jp-mod-workspace')!;
  card.focus();
  expect(document.activeElement).toBe(card);
});
