import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act } from '@testing-library/react';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import { WORKSPACE_MIME } from '../../src/api/mime-types';
import { WorkspaceRenderer } from '../../src/lab/workspace-output';
import { CardCounts, type IShownCard } from '../../src/lab/notebook/card-counts';
import type { IReview } from '../../src/lab/tokens';
import { Drafts } from '../drafts';

// The whole packages need image files.
jest.mock('@jupyterlab/ui-components', () =>
  jest.requireActual('@jupyterlab/ui-components/lib/components/vdom')
);
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const NAME = { version: 1, agent: 'writer', workspace: 2 };
const FOUND = {
  ...{ id: 'w', title: 'Report', kind: 'text', run: 'r', agent: 'writer', status: 'open', proposal: null },
  ...{ template: '', text: '', updated_at: '1' }
};

/** Make a renderer whose server has these answers, with a list of the paths that were read. */
function renderer(answers: { [path: string]: [number, unknown] }) {
  const read: string[] = [];
  const client = new Client(async path => {
    read.push(path);
    const [status, body] = answers[path.replace(/\?.*/, '')] ?? [200, { comments: [], people: [] }];
    return { ok: status === 200, status, json: async () => body } as Response;
  });
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const drafts = new Drafts();
  const review = {
    ...{
      client,
      feed,
      drafts,
      trans: nullTranslator.load('hitl_nb'),
      status: { store: 'here', authn: 'login', user: { username: 'ann', display_name: 'Ann' } },
      readOnly: null,
      keyListener: { watch: () => () => undefined }
    },
    newEditor: (options: object) => ({
      ...options,
      ...{ dispose: () => undefined, hasFocus: () => false, setOption: () => undefined }
    })
  };
  const cards = new CardCounts();
  const place = { path: () => 'a.ipynb', store: async () => 'there', cards };
  return { made: new WorkspaceRenderer(review as unknown as IReview, place), read, changed, drafts, cards };
}

async function renderOutput(made: WorkspaceRenderer, data: unknown): Promise<void> {
  const model = { data: { [WORKSPACE_MIME]: data, 'text/plain': 'Workspace: Report' } };
  await act(async () => {
    await made.renderModel(model as unknown as Parameters<WorkspaceRenderer['renderModel']>[0]);
    Widget.attach(made, document.body);
  });
  await settle();
}

test.each([
  ['nothing', undefined],
  ['a list', []],
  ['of another version', { ...NAME, version: 2 }],
  ['without its number', { version: 1, agent: 'writer' }],
  ['of an agent that is no text', { ...NAME, agent: { toString: null } }]
])('an output that is %s is shown as its plain text', async (_, data) => {
  const { made, read } = renderer({});
  await renderOutput(made, data);
  expect(made.node.textContent).toBe('Workspace: Report');
  expect(read).toEqual([]);
  act(() => made.dispose());
});

test('the workspace is found by notebook, agent, key and number, and let go of with the output', async () => {
  const { made, read, drafts } = renderer({
    workspaces: [200, { workspaces: [FOUND], next: null }],
    'runs/r': [200, { run: { id: 'r', status: 'running' }, proposals: [] }]
  });
  await renderOutput(made, { ...NAME, key: 'north' });
  expect(read[0]).toBe('workspaces?path=a.ipynb&agent=writer&workspace=2&key=north');
  expect(made.node.textContent).toContain('The agent and people write');
  expect(drafts.lines.get('w')!.disposed).toBe(false);
  act(() => made.dispose());
  expect(drafts.lines.get('w')!.disposed).toBe(true);
});

test('while people are asked it points to the card below, and is the card where there is none', async () => {
  jest.useFakeTimers({ advanceTimers: true });
  const proposal = {
    ...{ id: 'p', document: 'w', run: 'r', title: 'Done?', kind: 'text', status: 'open', agent: 'writer' },
    ...{
      allow: ['approve'],
      reasons: [],
      decision: null,
      context: null,
      comments: [],
      value: '',
      changes: ''
    }
  };
  const { made, cards } = renderer({
    workspaces: [200, { workspaces: [{ ...FOUND, proposal: 'p' }], next: null }],
    'runs/r': [200, { run: { id: 'r', status: 'waiting' }, proposals: [] }],
    'proposals/p': [200, proposal]
  });
  const shown = { model: { proposal: { id: 'p' } }, node: document.body } as unknown as IShownCard;
  cards.add(shown);
  await renderOutput(made, NAME);
  await act(async () => void jest.advanceTimersByTime(2000));
  expect(made.node.textContent).toContain('in the card below');
  expect(made.node.textContent).not.toContain('Done?');
  await act(async () => cards.remove(shown));
  await act(async () => undefined);
  expect(made.node.textContent).toContain('Done?');
  await act(async () => cards.add(shown));
  expect(made.node.textContent).not.toContain('Done?');
  act(() => made.dispose());
  jest.useRealTimers();
});

test('a server that does not know it is asked again when something happens; why is said', async () => {
  const answers: { [path: string]: [number, unknown] } = {
    workspaces: [404, { error: 'UnknownWorkspace', message: 'no workspace 2' }],
    'runs/r': [200, { run: { id: 'r', status: 'running' }, proposals: [] }]
  };
  const { made, changed } = renderer(answers);
  await renderOutput(made, NAME);
  expect(made.node.textContent).toContain('Workspace: Report');
  expect(made.node.textContent).toContain('keeps its proposals in there');
  answers.workspaces = [200, { workspaces: [FOUND], next: null }];
  act(() => changed.emit(null));
  await settle();
  expect(made.node.textContent).toContain('The agent and people write');
  act(() => made.dispose());
});

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await act(() => new Promise(resolve => setTimeout(resolve, 10)));
  }
}
