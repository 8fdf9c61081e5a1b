import type { CodeCell } from '@jupyterlab/cells';
import { Signal } from '@lumino/signaling';
import { holdOutput } from '../../../src/lab/notebook/held-output';

/** A cell whose output has a line of text and these cards; JupyterLab's own code is not here. */
function openCell(...cards: string[]) {
  document.body.innerHTML = '<div id="wrapper"><div id="area"></div></div>';
  const area = document.getElementById('area')!;
  const model = { outputs: { length: 0, changed: new Signal<object, unknown>({}) } };
  const add = (html: string): void => {
    area.insertAdjacentHTML('beforeend', `<div class="jp-OutputArea-child">${html}</div>`);
    model.outputs.length += 1;
    model.outputs.changed.emit({ type: 'add' });
  };
  const clear = (): void => {
    area.querySelectorAll(':scope > .jp-OutputArea-child').forEach(child => child.remove());
    model.outputs.length = 0;
    model.outputs.changed.emit({ type: 'remove' });
  };
  ['drafting', ...cards].forEach(add);
  const cell = { outputArea: { node: area }, model } as unknown as CodeCell;
  return { area, add, clear, cell, text: () => area.textContent };
}

const CARD =
  '<article class="jp-hitl-decided" data-proposal="p"><strong class="jp-hitl-state">Approved</strong> Refund<button>Show</button></article>';

test('the decided card stays until new output comes, and says that the agent continues', () => {
  const { area, add, clear, cell, text } = openCell(CARD);
  holdOutput(cell, ', continues');
  expect(text()).toBe('draftingApproved RefundShow');
  clear();
  expect(text()).toBe('draftingApproved, continues RefundShow');
  expect(area.querySelector('.jp-hitl-held')!.hasAttribute('inert')).toBe(true);
  expect(area.querySelector('[data-proposal]')).toBeNull();
  add('sent');
  expect(text()).toBe('sent');
});

test('the place of the old output is kept while the new one comes, and given up at the end of the run', () => {
  const { add, clear, cell } = openCell(CARD);
  const wrapper = document.getElementById('wrapper')!;
  wrapper.getBoundingClientRect = () => ({ height: 240.5 }) as DOMRect;
  const release = holdOutput(cell, ', continues');
  clear();
  add('sent');
  expect(wrapper.style.minHeight).toBe('240.5px');
  release();
  expect(wrapper.style.minHeight).toBe('');
});

test('a run that shows nothing leaves nothing behind', () => {
  const { area, add, clear, cell } = openCell(CARD);
  const release = holdOutput(cell, ', continues');
  clear();
  release();
  expect(area.childElementCount).toBe(0);
  add('later');
  clear();
  expect(area.childElementCount).toBe(0);
});

test('of several decided cards the last one says it, and no program of an output starts again', () => {
  const { area, clear, cell } = openCell(CARD, '<iframe src="about:blank"></iframe>', CARD);
  holdOutput(cell, ', continues');
  clear();
  expect([...area.querySelectorAll('.jp-hitl-state')].map(one => one.textContent)).toEqual([
    'Approved',
    'Approved, continues'
  ]);
  expect(area.querySelector('iframe')).toBeNull();
});

test('a card whose chip says already that the agent continues is left as it is', () => {
  const { clear, cell, text } = openCell(
    CARD.replace('Refund', '<span class="jp-hitl-chip">Agent continues</span>')
  );
  holdOutput(cell, ', continues');
  clear();
  expect(text()).toBe('draftingApproved Agent continuesShow');
});
