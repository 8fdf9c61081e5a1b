import type { NotebookPanel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import type { IHost } from '../../../src/components/host';
import { CardCounts, type IShownCard } from '../../../src/lab/notebook/card-counts';
import { NotebookCards } from '../../../src/lab/notebook/notebook-cards';

/** A notebook with one card in each cell. `away`: the cells that JupyterLab has taken out of the page. */
function openNotebook(statuses: string[], away: number[] = []) {
  document.body.innerHTML = '<div id="notebook"></div><input id="elsewhere">';
  const node = document.getElementById('notebook')!;
  const counts = new CardCounts();
  const scrolled: number[] = [];
  const widgets = statuses.map((_, i) => {
    const cell = document.createElement('div');
    cell.tabIndex = -1;
    if (!away.includes(i)) {
      node.append(cell);
    }
    return {
      node: cell,
      model: { type: 'code', outputs: { length: 1, get: () => ({ data: { pause: {} } }) } }
    };
  });
  const show = (i: number, status = statuses[i], id = `p${i}`): IShownCard => {
    const output = document.createElement('div');
    const open = status === 'open';
    output.innerHTML = open
      ? `<article class="jp-hitl-card" tabindex="-1" data-proposal="${id}"><input></article>`
      : `<article class="jp-hitl-decided" data-proposal="${id}"><button>Show</button></article>`;
    widgets[i].node.append(output);
    const card = {
      model: { proposal: { id, status }, run: { status: 'ready' } },
      node: output
    } as unknown as IShownCard;
    counts.add(card);
    return card;
  };
  const content = {
    ...{ node, widgets, activeCellIndex: 0, mode: 'edit' },
    scrollToItem: async (i: number) => {
      scrolled.push(i);
      node.append(widgets[i].node);
    }
  };
  const panel = { content } as unknown as NotebookPanel;
  const client = {
    listProposals: async () => ({ proposals: statuses.slice(1), next: null as string | null })
  };
  const host = { client, trans: nullTranslator.load('hitl_nb') } as unknown as IHost;
  const cards = new NotebookCards(host, panel, counts, ['pause']);
  const shown = statuses.map((status, i) => (status === 'unknown' ? null : show(i)));
  const element = (i: number): HTMLElement => shown[i]!.node.querySelector('article')!;
  const decide = (i: number): void => {
    Object.assign(shown[i]!.model.proposal, {
      status: 'decided',
      decision: { action: 'approve', by: 'person' }
    });
    shown[i]!.node.innerHTML =
      `<article class="jp-hitl-decided" data-proposal="p${i}"><button>Show</button></article>`;
    cards.moveOn(shown[i]!.model);
  };
  return { cards, counts, content, element, decide, scrolled, show, shown, client };
}

const findFocus = (): string | undefined =>
  document.activeElement?.closest<HTMLElement>('[data-proposal]')?.dataset.proposal ??
  document.activeElement?.className;

async function settle(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, 20));
}

test('J and K go to the open cards, in the order of the notebook', () => {
  const { cards, element } = openNotebook(['open', 'decided', 'open']);
  cards.move(element(0), 1);
  expect(findFocus()).toBe('p2');
  cards.move(element(2), -1);
  expect(findFocus()).toBe('p0');
  cards.move(element(0), -1);
  expect(findFocus()).toBe('p0');
});

test('a card that JupyterLab took out of the page is scrolled to first', async () => {
  const { cards, element, scrolled } = openNotebook(['open', 'open'], [1]);
  cards.move(element(0), 1);
  await settle();
  expect([scrolled, findFocus()]).toEqual([[1], 'p1']);
});

test('a card that was never drawn is found by the output of its cell', async () => {
  const { cards, element, scrolled, show } = openNotebook(['open', 'unknown'], [1]);
  cards.move(element(0), 1);
  await settle();
  show(1, 'open');
  await settle();
  expect([scrolled, findFocus()]).toEqual([[1], 'p1']);
});

test('after a decision the next open card has the focus, or one before it', async () => {
  const { element, decide } = openNotebook(['open', 'open', 'open']);
  element(1).querySelector('input')!.focus();
  decide(1);
  expect(findFocus()).toBe('p2');
  await settle();
  expect(document.querySelector('.jp-hitl-said')?.textContent).toBe(
    'Approved. 2 more wait in this notebook.'
  );
  decide(2);
  expect(findFocus()).toBe('p0');
});

test('after the last decision the decided card has it, and then the agent’s next question', async () => {
  const { counts, element, decide, show, shown } = openNotebook(['open']);
  element(0).focus();
  decide(0);
  await settle();
  expect(document.activeElement?.tagName).toBe('BUTTON');
  expect(document.querySelector('.jp-hitl-said')?.textContent).toBe('Approved. The agent continues.');
  shown[0]!.node.remove(); // the agent’s new output replaces the old
  counts.remove(shown[0]!);
  show(0, 'open', 'next');
  await settle();
  expect(findFocus()).toBe('next');
});

test('who works elsewhere by the time of the decision stays there', async () => {
  const { element, decide, show } = openNotebook(['open', 'open']);
  element(0).focus();
  document.getElementById('elsewhere')!.focus();
  decide(0);
  expect(document.activeElement?.id).toBe('elsewhere');
  decide(1);
  show(1, 'open', 'next');
  await settle();
  expect(document.activeElement?.id).toBe('elsewhere');
});

test('leaving a card makes its cell the active one, in command mode', () => {
  const { cards, content, element } = openNotebook(['open', 'open']);
  cards.leave(element(1));
  expect([content.activeCellIndex, content.mode]).toEqual([1, 'command']);
  expect(document.activeElement).toBe(content.widgets[1].node);
});

test('who types in another card of the same pause stays in its field', async () => {
  const { cards, element, shown } = openNotebook(['open', 'open']);
  const other = element(1);
  shown[0]!.node.append(other);
  other.querySelector('input')!.focus();
  Object.assign(shown[0]!.model.proposal, {
    status: 'decided',
    decision: { action: 'approve', by: 'person' }
  });
  cards.moveOn(shown[0]!.model);
  await settle();
  expect(document.activeElement).toBe(other.querySelector('input'));
});

test('who begins to work elsewhere while the next cell is scrolled to stays there', async () => {
  const { decide, element } = openNotebook(['open', 'open'], [1]);
  element(0).focus();
  decide(0);
  document.getElementById('elsewhere')!.focus();
  await settle();
  expect(document.activeElement?.id).toBe('elsewhere');
});

test('a run that waits for something else is not said to continue', async () => {
  const { shown, decide } = openNotebook(['open']);
  Object.assign(shown[0]!.model.run!, { status: 'waiting' });
  decide(0);
  await settle();
  expect(document.querySelector('.jp-hitl-said')?.textContent).toBe('Approved.');
});

test('a decision is said also if the server cannot count what waits', async () => {
  const warned = jest.spyOn(console, 'warn').mockImplementation();
  const { client, decide } = openNotebook(['open']);
  client.listProposals = async () => Promise.reject(new Error('offline'));
  decide(0);
  await settle();
  expect(document.querySelector('.jp-hitl-said')?.textContent).toBe('Approved. The agent continues.');
  expect(warned).toHaveBeenCalledTimes(1);
  warned.mockRestore();
});
