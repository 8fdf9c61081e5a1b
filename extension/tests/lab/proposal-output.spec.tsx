import { Widget } from '@lumino/widgets';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import { PROPOSAL_MIME } from '../../src/api/mime-types';
import { PauseRenderer } from '../../src/lab/proposal-output';
import { CardCounts } from '../../src/lab/notebook/card-counts';
import type { IReview } from '../../src/lab/tokens';
import { Drafts } from '../drafts';

// The whole packages need image files.
jest.mock('@jupyterlab/ui-components', () =>
  jest.requireActual('@jupyterlab/ui-components/lib/components/vdom')
);
jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

const PAUSE = { version: 1, agent: 'letters', pause: 1 };

/** Make a renderer whose server gives `answer`, with a list of the paths that were read. */
function renderer(answer: unknown, status = 200): { made: PauseRenderer; read: string[]; carried: string[] } {
  const read: string[] = [];
  const carried: string[] = [];
  const client = new Client(async path => {
    read.push(path);
    return { ok: status === 200, status, json: async () => answer } as Response;
  });
  const feed = {} as Feed;
  Object.assign(feed, { changed: new Signal<Feed, FeedChange>(feed) });
  const review = {
    client,
    feed,
    trans: nullTranslator.load('hitl_nb'),
    status: null,
    readOnly: null,
    drafts: new Drafts(),
    keyListener: { watch: () => () => undefined }
  };
  const place = {
    path: () => 'a.ipynb',
    store: async () => null,
    cards: new CardCounts(),
    carryId: (id: string) => void carried.push(id)
  };
  return { made: new PauseRenderer(review as unknown as IReview, place), read, carried };
}

function model(
  data: unknown,
  plain: unknown = 'Paused: Letter'
): Parameters<PauseRenderer['renderModel']>[0] {
  return { data: { [PROPOSAL_MIME]: data, 'text/plain': plain } } as unknown as Parameters<
    PauseRenderer['renderModel']
  >[0];
}

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'x'],
  ['a list', []],
  ['no pause', { agent: 'a' }],
  ['a pause that is no number', { agent: 'a', pause: '1' }],
  ['an agent that is no text', { agent: { toString: null }, pause: 1 }]
])('an output that is %s is shown as its plain text', async (_, data) => {
  const { made, read } = renderer({});
  await made.renderModel(model(data));
  Widget.attach(made, document.body);
  await settle();
  expect(made.node.textContent).toBe('Paused: Letter');
  expect(read).toEqual([]);
  made.dispose();
});

test.each([
  ['no answer', null],
  ['an answer that is none', { run: 1 }],
  ['proposals that cannot be drawn', { run: {}, proposals: [{ id: 'p', status: 'open' }] }]
])('%s leaves the plain text', async (_, answer) => {
  const told = jest.spyOn(console, 'error').mockImplementation();
  const { made } = renderer(answer);
  await made.renderModel(model(PAUSE));
  Widget.attach(made, document.body);
  await settle();
  expect(made.node.textContent).toContain('Paused: Letter');
  made.dispose();
  told.mockRestore();
});

test('being made and put into the page is one reading, and the notebook gets its id', async () => {
  const { made, read, carried } = renderer({ run: { id: 'r', notebook_id: 'n' }, proposals: [] });
  const rendered = made.renderModel(model({ ...PAUSE, key: '5678' }));
  Widget.attach(made, document.body);
  await rendered;
  expect(read).toEqual(['pauses?path=a.ipynb&agent=letters&pause=1&key=5678']);
  expect(carried).toEqual(['n']);
  made.dispose();
});

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

test('without hitl_nb on the server, the output says how it is installed, and can be tried again', async () => {
  const { made, read } = renderer(null, 404);
  await made.renderModel(model(PAUSE));
  Widget.attach(made, document.body);
  await settle();
  const { textContent } = made.node;
  expect(textContent).toContain('Paused: Letter');
  expect(textContent).toContain(
    'The review cards need hitl_nb on this Jupyter server. Run pip install hitl_nb'
  );
  expect(textContent).toContain('Until then: %hitl widget letters');
  expect(textContent).not.toContain('404');
  const before = read.length;
  made.node.querySelector('button')!.click();
  await settle();
  expect(read.length).toBe(before + 1);
  made.dispose();
});

test('the plain text of an output and an error are shown with their hidden characters', async () => {
  const { made } = renderer({ error: 'UnknownRun', message: 'no \u202erun' }, 404);
  await made.renderModel(model(PAUSE, 'Paused: \u202eLetter'));
  Widget.attach(made, document.body);
  await settle();
  expect(made.node.textContent).toBe('Paused: ⟨U+202E⟩Letterno ⟨U+202E⟩run');
  made.dispose();
});

test('so is that of an output whose server does not have hitl_nb', async () => {
  const { made } = renderer(null, 404);
  await made.renderModel(model(PAUSE, 'Paused: \u202eLetter'));
  Widget.attach(made, document.body);
  await settle();
  expect(made.node.querySelector('pre')?.textContent).toBe('Paused: ⟨U+202E⟩Letter');
  expect(made.node.textContent).toContain('need hitl_nb on this Jupyter server');
  made.dispose();
});

test('“Finished” stands below all outputs of the cell, also below those that come later', async () => {
  const run = { id: 'r', status: 'finished', pauses: 1, updated_at: '2026-01-05T09:00:30Z' };
  const decision = { action: 'approve', reviewer: 'ada', known: 'login', decided_at: '2026-01-05T09:00:00Z' };
  const proposal = {
    ...{ id: 'p', run: 'r', title: 'Letter', kind: 'text', value: 'Dear', status: 'decided', revision: 2 },
    ...{ pause: 1, allow: [], reasons: [], context: null, decision }
  };
  const { made } = renderer({ run, proposals: [proposal], entries: [] });
  const area = document.createElement('div');
  area.className = 'jp-OutputArea';
  document.body.append(area);
  await made.renderModel(model(PAUSE));
  Widget.attach(made, area);
  await settle();
  const last = document.createElement('pre');
  last.textContent = 'all sent';
  area.insertBefore(last, area.children[1]); // as JupyterLab does it: by its number among the outputs
  expect(area.textContent).toMatch(/Approved.*all sent.*Finished\./s);
  made.dispose();
  expect(area.textContent).toBe('all sent');
  area.remove();
});
