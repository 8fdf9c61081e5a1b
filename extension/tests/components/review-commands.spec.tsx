import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../src/api/client';
import type { Feed } from '../../src/api/feed';
import type { IProposal, IProposalSummary } from '../../src/api/types';
import type { IHost } from '../../src/components/host';
import { KeyListener } from '../../src/components/keys/key-listener';
import { ProposalCard } from '../../src/components/proposal/proposal-card';
import {
  CommandTargets,
  KEY_BINDINGS,
  registerReviewCommands,
  REVIEW_COMMANDS
} from '../../src/components/review-commands';
import { InboxModel } from '../../src/inbox/stores/inbox-model';
import { InboxPanel } from '../../src/inbox/inbox-panel';
import type { IProposalModel } from '../../src/models/interfaces';
import { pressKey } from '../keys';
import { giveElementsSize } from '../element-sizes';

beforeAll(() => giveElementsSize());

const trans = nullTranslator.load('hitl_nb');
const after: (() => void)[] = [];

afterEach(() => after.splice(0).forEach(step => step()));

/** A registry that listens to keys, as JupyterLab's, with other keys if they are given. */
function listen(targets: CommandTargets, bindings = KEY_BINDINGS): CommandRegistry {
  const registry = new CommandRegistry();
  registerReviewCommands(registry, trans, targets);
  bindings.forEach(binding => registry.addKeyBinding(binding));
  const onKeyDown = (event: KeyboardEvent): void => registry.processKeydownEvent(event);
  document.addEventListener('keydown', onKeyDown);
  after.push(() => document.removeEventListener('keydown', onKeyDown));
  return registry;
}

const letter = (id: string): IProposalSummary =>
  ({
    ...{ id, title: `Letter to ${id}`, kind: 'text', status: 'open', agent: 'letters', notebook: '/n.ipynb' },
    ...{ path: 'n.ipynb', run: `run-${id}`, summary: 'Dear', deadline: null, assignee: null, reasons: [] },
    ...{ revision: 1, fingerprint: `f-${id}`, created_at: new Date().toISOString(), decision: null }
  }) as unknown as IProposalSummary;

async function showInbox(ids: string[], over: Partial<IHost> = {}) {
  const targets = new CommandTargets();
  const client = new Client(async path => {
    const proposals = path.includes('passed=1') ? [] : ids.map(letter);
    return { ok: true, status: 200, json: async () => ({ proposals, next: null }) } as Response;
  });
  const feed = { changed: new Signal({}) } as unknown as Feed;
  const model = new InboxModel(client, feed);
  const host = {
    ...{ client, feed, trans, status: null, readOnly: null, commandTargets: targets },
    ...over
  } as unknown as IHost;
  const cells: string[] = [];
  const { unmount } = render(
    <InboxPanel
      model={model}
      host={host}
      renderCard={id => <p>card of {id}</p>}
      onOpenCell={p => cells.push((p as IProposalSummary).id)}
    />
  );
  after.push(() => model.dispose());
  await act(async () => undefined);
  const list = screen.getByRole('listbox');
  list.focus();
  return { model, targets, cells, list, unmount };
}

const run = (registry: CommandRegistry, id: string, args = {}): Promise<void> =>
  act(async () => void (await registry.execute(id, args)));

describe('the table', () => {
  it('has the keys of the settings file', () => {
    const file = join(__dirname, '..', '..', 'schema', 'shortcuts.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))['jupyter.lab.shortcuts']).toEqual(KEY_BINDINGS);
  });

  it('has names of a verb and a noun, and a label for each', () => {
    for (const { id, label } of REVIEW_COMMANDS) {
      expect(id).toMatch(/^hitl-nb:[a-z]+(-[a-z]+)+$/);
      expect(label(trans)).not.toBe('');
    }
    expect(new Set(REVIEW_COMMANDS.map(({ id }) => id)).size).toBe(REVIEW_COMMANDS.length);
  });

  it('gives each key one command at a place, and no key where a text is typed', () => {
    const keys = KEY_BINDINGS.map(({ keys: [key], selector }) => `${selector} ${key}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(KEY_BINDINGS.map(({ selector }) => selector))).toEqual(
      new Set(['.jp-hitl-list', '.jp-hitl-card', '.jp-hitl-decided'])
    );
  });

  it('registers labels and arguments', async () => {
    const registry = listen(new CommandTargets());
    expect(registry.listCommands()).toEqual(REVIEW_COMMANDS.map(({ id }) => id));
    expect(registry.label('hitl-nb:approve-proposals')).toBe('Approve the Selected Proposals…');
    const { args } = await registry.describedBy('hitl-nb:open-proposal');
    expect(args).toMatchObject({ properties: { proposal: { type: 'string' } } });
  });
});

describe('commands of the inbox', () => {
  it('can run while the inbox is shown', async () => {
    const { targets, unmount } = await showInbox(['a']);
    const registry = listen(targets);
    for (const id of Object.keys(targets.inbox ?? {})) {
      expect(REVIEW_COMMANDS.map(one => one.id)).toContain(id);
    }
    expect(registry.isEnabled('hitl-nb:approve-proposals')).toBe(true);
    expect(registry.isEnabled('hitl-nb:collapse-group')).toBe(false);
    expect(registry.isEnabled('hitl-nb:open-proposal', { proposal: 'zzz' })).toBe(false);
    expect(registry.isEnabled('hitl-nb:show-view', { view: 'mine' })).toBe(false);
    unmount();
    expect(REVIEW_COMMANDS.filter(({ id }) => registry.isEnabled(id))).toEqual([]);
  });

  it('can decide nothing in an empty list', async () => {
    const { targets } = await showInbox([]);
    const registry = listen(targets);
    for (const id of ['approve-proposals', 'reject-proposals', 'focus-next-row', 'select-all']) {
      expect(registry.isEnabled(`hitl-nb:${id}`)).toBe(false);
    }
  });

  it('act on the proposal that the arguments name', async () => {
    const { targets, model, cells } = await showInbox(['a', 'b', 'c']);
    const registry = listen(targets);
    await run(registry, 'hitl-nb:open-proposal', { proposal: 'c' });
    screen.getByText('card of c');
    await run(registry, 'hitl-nb:open-cell', { proposal: 'b' });
    await run(registry, 'hitl-nb:select-proposal', { proposal: 'b' });
    expect([cells, model.selection.map(p => p.id)]).toEqual([['b'], ['b']]);
    await run(registry, 'hitl-nb:select-all', { on: true });
    expect(model.selected).toBe(3);
    await run(registry, 'hitl-nb:select-all');
    expect(model.selected).toBe(0);
  });

  it('show the views', async () => {
    const status = { user: { username: 'ann' }, may: { decide: true } } as unknown as IHost['status'];
    const { targets, model } = await showInbox(['a'], { status });
    const registry = listen(targets);
    await run(registry, 'hitl-nb:show-view', { view: 'passed' });
    expect(model.shownView).toBe('passed');
    screen.getByRole('button', { name: 'Passed by policy' }); // in a narrow panel it is in the menu
    await run(registry, 'hitl-nb:show-view', { view: 'mine' });
    expect([model.mine, model.shownView]).toEqual(['ann', 'mine']);
    await run(registry, 'hitl-nb:show-view');
    expect([model.mine, model.shownView]).toEqual([null, 'all']);
  });

  it('have the keys of the settings, and no others', async () => {
    const { targets, list } = await showInbox(['a', 'b']);
    listen(targets, [{ command: 'hitl-nb:approve-proposals', keys: ['Q'], selector: '.jp-hitl-list' }]);
    pressKey(list, 'a');
    expect(screen.queryByRole('dialog')).toBeNull();
    pressKey(list, 'q');
    screen.getByRole('dialog', { name: 'Approve 1 proposal' });
  });

  it('are listed with the keys that are set', async () => {
    const { targets } = await showInbox(['a']);
    const registry = listen(targets, [
      { command: 'hitl-nb:approve-proposal', keys: ['Q'], selector: '.jp-hitl-card' },
      ...KEY_BINDINGS.filter(({ command }) => /open|next|reject|reason/.test(command))
    ]);
    await run(registry, 'hitl-nb:show-keys');
    const sheet = within(screen.getByRole('dialog', { name: 'Keys of the card and the inbox' }));
    const keys = sheet.getAllByRole('term').map(({ textContent }) => textContent);
    const words = sheet.getAllByRole('definition').map(({ textContent }) => textContent);
    expect(keys.map((key, i) => `${key} ${words[i]}`)).toEqual([
      ...['J↓ next', 'Q approve', '⇧A approve with a reason', 'R reject …'],
      ...['⇧↓ select the next, too', 'O go to the cell', 'Ctrl+Z undo in the draft'],
      ...['Ctrl+⇧ZCtrl+Y redo in the draft', 'Ctrl+Alt+M comment on the selected text']
    ]);
  });

  it('of one letter can be switched off in the sheet of keys', async () => {
    const { targets, list } = await showInbox(['a']);
    const registry = listen(targets);
    const listener = new KeyListener(targets, trans);
    after.push(listener.watch(document.body));
    await run(registry, 'hitl-nb:show-keys');
    fireEvent.click(screen.getByRole('checkbox', { name: 'Use one-letter keys' }));
    expect(targets.letterKeys).toBe(false);
    pressKey(list, 'a');
    expect(screen.queryByRole('form')).toBeNull();
  });

  it('do not take keys from a text field', async () => {
    const { targets } = await showInbox(['a']);
    listen(targets);
    expect(pressKey(screen.getByRole('searchbox'), 'a')).toBe(true);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('show the keys for a question mark that is not on the key of the slash', async () => {
    const { targets, list } = await showInbox(['a']);
    listen(targets);
    pressKey(list, '?', { keyCode: 219 }); // as on a German keyboard
    screen.getByRole('dialog');
    pressKey(list, '?');
    expect(screen.queryByRole('dialog')).toBeNull();
  });
});

jest.mock('@jupyterlab/codeeditor', () => jest.requireActual('@jupyterlab/codeeditor/lib/editor'));

describe('commands of a card', () => {
  function showCard(targets: CommandTargets, over: Partial<IProposal> = {}) {
    const proposal = {
      ...{ id: 'p1', title: 'Send?', kind: 'choice', status: 'open', value: 'yes', text: 'yes' },
      ...{ options: ['yes', 'no'], context: null, allow: ['approve', 'edit', 'reject'], reasons: [] },
      ...{ decision: null, schema: null, changes: '', agent: 'a', ...over }
    } as unknown as IProposal;
    const decide = jest.fn(async () => true);
    const takeBack = jest.fn(async () => true);
    const model = {
      ...{
        proposal,
        run: null,
        draft: null,
        discussion: null,
        value: 'yes',
        invalidReason: '',
        hasEdits: false
      },
      ...{ fields: {}, changes: '', problem: '', conflict: null, isDeciding: false, saveStatus: 'saved' },
      ...{ canUndo: false, canRedo: false, changed: new Signal({}), decide, takeBack }
    } as unknown as IProposalModel;
    const host = { trans, status: null, readOnly: null, commandTargets: targets } as unknown as IHost;
    const shown = render(<ProposalCard model={model} host={host} />);
    return { decide, takeBack, ...shown };
  }

  it('press its buttons, where it is the only card', async () => {
    const targets = new CommandTargets();
    const registry = listen(targets);
    const { decide, unmount } = showCard(targets);
    expect(registry.isEnabled('hitl-nb:decide-proposal', { action: 'edit' })).toBe(false);
    expect(registry.isEnabled('hitl-nb:answer-proposal')).toBe(false);
    await run(registry, 'hitl-nb:reject-proposal');
    const reason = screen.getByRole('dialog', { name: 'Reject “Send?”' });
    fireEvent.change(within(reason).getByRole('textbox'), { target: { value: 'late' } });
    fireEvent.click(within(reason).getByRole('button', { name: 'Reject' }));
    await act(async () => undefined);
    await run(registry, 'hitl-nb:approve-proposal');
    expect(decide.mock.calls).toEqual([
      ['reject', { reason: 'late' }],
      ['approve', { reason: undefined }]
    ]);
    expect(registry.isEnabled('hitl-nb:undo-edit')).toBe(false);
    unmount();
    expect(registry.isEnabled('hitl-nb:decide-proposal')).toBe(false);
  });

  it('of several, act on the one with the focus or the named one', async () => {
    const targets = new CommandTargets();
    const registry = listen(targets);
    const [one, two] = [showCard(targets), showCard(targets, { id: 'p2' })];
    expect(registry.isEnabled('hitl-nb:decide-proposal')).toBe(false);
    await run(registry, 'hitl-nb:decide-proposal', { proposal: 'p2' });
    one.container.querySelector<HTMLElement>('.jp-hitl-decision-bar button')!.focus();
    await run(registry, 'hitl-nb:decide-proposal');
    expect([one.decide.mock.calls.length, two.decide.mock.calls.length]).toEqual([1, 1]);
  });

  it('are not for a card without focus beside an inbox', async () => {
    const { targets } = await showInbox(['a']);
    const registry = listen(targets);
    showCard(targets);
    expect(registry.isEnabled('hitl-nb:decide-proposal')).toBe(false);
    expect(registry.isEnabled('hitl-nb:decide-proposal', { proposal: 'p1' })).toBe(true);
  });

  it('are not run by a key of the inbox for a card elsewhere, which nobody may see', async () => {
    const { targets, model, list } = await showInbox(['a']);
    listen(targets);
    act(() => void (model.wide = true));
    const { decide } = showCard(targets, { id: 'a' });
    list.focus();
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 10_000);
    pressKey(list, 'a');
    expect(decide).not.toHaveBeenCalled();
    screen.getByRole('dialog', { name: 'Approve 1 proposal' });
    jest.restoreAllMocks();
  });

  it('take the own vote back', async () => {
    const targets = new CommandTargets();
    const registry = listen(targets);
    const may = { decide: true, why_not: null, actions: [], undo: true };
    const { takeBack } = showCard(targets, { may, needs: [], votes: [], rules: [], why: ['x'] });
    await run(registry, 'hitl-nb:undo-approval');
    expect(takeBack).toHaveBeenCalledTimes(1);
  });

  it('take an approval back while it settles', async () => {
    const targets = new CommandTargets();
    const registry = listen(targets);
    const settles_at = new Date(Date.now() + 60_000).toISOString();
    const may = { decide: true, why_not: null, actions: [], undo: true };
    const { takeBack } = showCard(targets, { settles_at, may, needs: [], votes: [], rules: [], why: ['x'] });
    await run(registry, 'hitl-nb:undo-approval');
    expect(takeBack).toHaveBeenCalledTimes(1);
  });
});
