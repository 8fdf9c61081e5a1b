import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import { Client } from '../../src/api/client';
import type { FeedChange, Feed } from '../../src/api/feed';
import type { IProposalSummary, IWorkspaceSummary } from '../../src/api/types';
import { InboxModel } from '../../src/inbox/stores/inbox-model';
import { InboxPanel } from '../../src/inbox/inbox-panel';
import { WorkspaceStore } from '../../src/inbox/stores/workspace-store';
import type { IHost } from '../../src/components/host';
import { giveElementsSize } from '../element-sizes';

beforeAll(() => giveElementsSize(1000));

function workspace(id: string, over: Partial<IWorkspaceSummary> = {}): IWorkspaceSummary {
  return {
    ...{
      id,
      title: `Report ${id}\u202e`,
      kind: 'text',
      run: `run-${id}`,
      agent: 'writer',
      notebook: '/n.ipynb'
    },
    ...{ path: 'n.ipynb', key: '', ordinal: 1, position: '1', status: 'open', proposal: null },
    ...{ created_at: '2026-01-31T10:00:00Z', updated_at: '2026-01-31T11:00:00Z' },
    ...over
  };
}

const LETTER = {
  ...{ id: 'p', document: 'p', title: 'Letter', kind: 'text', status: 'open', agent: 'letters', run: 'r' },
  ...{ notebook: '/n.ipynb', path: 'n.ipynb', summary: '', deadline: null, assignee: null, reasons: [] },
  ...{ revision: 1, fingerprint: 'f', created_at: '2026-01-31T10:00:00Z' }
} as unknown as IProposalSummary;

async function show(found: IWorkspaceSummary[], status = 200) {
  const s = { found, status, read: [] as string[], cells: [] as unknown[] };
  const feed = {} as Feed;
  const changed = new Signal<Feed, FeedChange>(feed);
  Object.assign(feed, { changed });
  const client = new Client(async path => {
    if (!path.startsWith('workspaces')) {
      return { ok: true, json: async () => ({ proposals: [LETTER], next: null }) } as Response;
    }
    s.read.push(path);
    const [, after] = /cursor=(\w+)/.exec(path) ?? [];
    const from = after ? s.found.findIndex(one => one.id === after) + 1 : 0;
    const page = s.found.slice(from, from + 2);
    const next = page.length === 2 ? page[1].id : null;
    const body = s.status === 200 ? { workspaces: page, next } : { message: 'no \u202esuch' };
    return { ok: s.status === 200, status: s.status, json: async () => body } as Response;
  });
  const model = new InboxModel(client, feed);
  const host = { client, feed, trans: nullTranslator.load('hitl_nb'), status: null, readOnly: null };
  render(
    <InboxPanel
      model={model}
      workspaces={new WorkspaceStore(client, feed)}
      host={host as unknown as IHost}
      renderCard={id => <p>card of {id}</p>}
      renderWorkspace={id => <p>document {id}</p>}
      onOpenCell={of => s.cells.push(of)}
    />
  );
  await act(async () => undefined);
  await act(async () => undefined);
  const hears = async (what: FeedChange): Promise<void> => {
    await act(async () => {
      changed.emit(what);
    });
    await act(async () => undefined);
  };
  return { s, hears, model };
}

function button(name: RegExp | string): HTMLElement {
  return screen.getByRole('button', { name });
}

test('without workspaces, and with a server that knows none, nothing is shown', async () => {
  await show([]);
  expect(screen.queryByText(/Workspaces/)).toBeNull();
  await show([workspace('a')], 404);
  expect(screen.queryByText(/Workspaces/)).toBeNull();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('all pages of them are listed, with whose they are and how they stand', async () => {
  const { s } = await show([
    workspace('a'),
    workspace('b', { proposal: 'p' }),
    workspace('c', { status: 'done' })
  ]);
  screen.getByText('Workspaces (3)');
  const rows = within(screen.getByRole('list', { name: 'Workspaces' })).getAllByRole('listitem');
  expect(rows[0].textContent).toMatch(/^Report a⟨U\+202E⟩writer · n.ipynb · being written since/);
  expect(rows[1].textContent).toContain('asked whether it is done');
  expect(rows[2].textContent).toContain('done,');
  expect(s.read).toEqual(['workspaces?limit=50', 'workspaces?limit=50&cursor=b']);
});

test('they are read again when one changed, and a server that refuses is heard', async () => {
  const { s, hears } = await show([workspace('a')]);
  await hears({ proposals: ['p'], runs: [], drafts: [], workspaces: [] });
  expect(s.read).toHaveLength(1);
  s.found = [workspace('a'), workspace('b')];
  await hears({ proposals: [], runs: [], drafts: [], workspaces: ['b'] });
  screen.getByText('Workspaces (2)');
  s.status = 500;
  await hears(null);
  expect(screen.getByRole('alert').textContent).toBe('no ⟨U+202E⟩such');
});

test('one is opened in place of a card, and a card in place of it; it leads to its notebook', async () => {
  const { s, hears, model } = await show([workspace('a')]);
  act(() => model.open(LETTER));
  screen.getByText('card of p');
  fireEvent.click(button(/Report a/));
  screen.getByText('document a');
  expect(screen.queryByText('card of p')).toBeNull();
  expect(button(/Report a/).getAttribute('aria-current')).toBe('true');
  fireEvent.click(button('Open notebook'));
  expect(s.cells).toEqual([expect.objectContaining({ path: 'n.ipynb', agent: 'writer' })]);
  s.found = [];
  await hears(null);
  screen.getByText('document a'); // a closed workspace stays open in the inbox, so that it can be read
  act(() => model.open(LETTER));
  expect(screen.queryByText('document a')).toBeNull();
  screen.getByText('card of p');
});
