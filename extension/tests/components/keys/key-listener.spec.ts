import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { KeyGuard, NEW_CARD_MS } from '../../../src/components/keys/key-guard';
import { keyHint, keyShortcuts } from '../../../src/components/keys/key-hints';
import { KeyListener } from '../../../src/components/keys/key-listener';
import type { ICardSurroundings } from '../../../src/components/keys/card-focus';
import type { IHost } from '../../../src/components/host';
import {
  CommandTargets,
  KEY_BINDINGS,
  registerReviewCommands
} from '../../../src/components/review-commands';
import { pressKey } from '../../keys';

const trans = nullTranslator.load('hitl_nb');
const NOTEBOOK_KEYS = ['x', 'd', 'm', 'a', 'b', 'Escape', ' '];

/**
 * A notebook with cards, in an application that listens as JupyterLab does (`capture` false) or as Notebook 7 does.
 *
 * @returns what was run: commands of cards by name and card, and commands of the notebook by key.
 */
function open(
  options: { around?: ICardSurroundings; capture?: boolean; bindings?: typeof KEY_BINDINGS } = {}
) {
  const { around, capture = false, bindings = KEY_BINDINGS } = options;
  document.body.innerHTML = `
    <div class="jp-Notebook"><div id="output">
      ${['p1', 'p2'].map(
        id => `<article class="jp-hitl-card" id="${id}" data-proposal="${id}" tabindex="-1">
          <button>Copy</button><input type="text">
          <div class="jp-hitl-value"><button class="between">Take back</button></div>
          <div role="grid"><div role="gridcell" tabindex="0">1</div></div><div role="menu"><button>Item</button></div>
          <footer class="jp-hitl-decision-bar">
            <span class="jp-hitl-split">
              <button class="jp-mod-primary">Approve<span>A</span></button><button class="more">More</button>
            </span>
          </footer>
        </article>`
      )}
    </div></div>`;
  const ran: string[] = [];
  const registry = new CommandRegistry();
  const targets = new CommandTargets();
  registerReviewCommands(registry, trans, targets);
  bindings.forEach(binding => registry.addKeyBinding(binding));
  registry.addCommand('cut', { execute: () => void ran.push('cut') });
  for (const key of ['X', 'D', 'M', 'A', 'B', 'Escape', 'Space', 'Shift Enter', 'Ctrl Enter', 'Ctrl S']) {
    registry.addCommand(`notebook ${key}`, { execute: () => void ran.push(`notebook ${key}`) });
    registry.addKeyBinding({ command: `notebook ${key}`, keys: [key], selector: '.jp-Notebook' });
  }
  const handle = (event: KeyboardEvent): void => registry.processKeydownEvent(event);
  document.addEventListener('keydown', handle, capture);
  closing.push(() => document.removeEventListener('keydown', handle, capture));
  const clock = { now: 1000 };
  const listener = new KeyListener(targets, trans, new KeyGuard(() => clock.now));
  const find = (id: string): HTMLElement => document.getElementById(id)!;
  closing.push(listener.watch(find('output'), around));
  for (const id of ['p1', 'p2']) {
    const handler = (name: string) => ({
      isEnabled: () => true,
      execute: () => void ran.push(`${name} ${id}`)
    });
    targets.addCard(id, find(id), () => ({
      'hitl-nb:approve-proposal': handler('approve'),
      'hitl-nb:reject-proposal': handler('reject')
    }));
  }
  const focus = (id: string): HTMLElement => {
    find(id).focus();
    clock.now += NEW_CARD_MS;
    return find(id);
  };
  return { ran, targets, registry, clock, focus, find };
}

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach(close => close()));

describe.each([
  ['JupyterLab', false],
  ['Notebook 7, which listens before all elements', true]
])('in %s', (_, capture) => {
  it('no key without Ctrl, and no Enter, reaches the notebook', () => {
    const { ran, focus } = open({ capture });
    const button = focus('p1').querySelector('button')!;
    button.focus();
    for (const key of NOTEBOOK_KEYS.filter(one => one !== 'a')) {
      pressKey(button, key);
    }
    pressKey(button, 'Enter', { shiftKey: true });
    pressKey(button, 'Enter', { ctrlKey: true });
    expect(ran).toEqual([]);
    pressKey(button, 'a');
    expect(ran).toEqual(['approve p1']);
  });

  it('keys with Ctrl do', () => {
    const { ran, focus } = open({ capture });
    pressKey(focus('p1'), 'x');
    pressKey(focus('p1').querySelector('button')!, 's', { ctrlKey: true });
    pressKey(focus('p1'), 's', { ctrlKey: true });
    expect(ran).toEqual(['notebook Ctrl S', 'notebook Ctrl S']);
  });

  it('the keys of the notebook outside of cards are untouched', () => {
    const { ran, focus } = open({ capture });
    pressKey(focus('p1'), 'x');
    pressKey(document.querySelector('.jp-Notebook')!, 'x');
    expect(ran).toEqual(['notebook X']);
  });
});

describe('a letter', () => {
  it('does nothing between the fields of the value: it was meant for the next field', () => {
    const { ran, focus } = open();
    const button = focus('p1').querySelector<HTMLElement>('.between')!;
    button.focus();
    ['a', 'r', 'x'].forEach(key => pressKey(button, key));
    expect(ran).toEqual([]);
  });

  it('acts on the card with the focus', () => {
    const { ran, focus } = open();
    pressKey(focus('p2'), 'r');
    pressKey(focus('p2'), 'r', { repeat: true }); // held down: once
    expect(ran).toEqual(['reject p2']);
  });

  it('types in a field, and does nothing in a menu', () => {
    const { ran, focus } = open();
    const field = focus('p1').querySelector('input')!;
    field.focus();
    expect(pressKey(field, 'a')).toBe(true); // not prevented
    const item = focus('p1').querySelector<HTMLElement>('[role=menu] button')!;
    item.focus();
    pressKey(item, 'a');
    expect(ran).toEqual([]);
  });

  it('is the one of the settings', () => {
    const { ran, focus } = open({
      bindings: [{ command: 'hitl-nb:approve-proposal', keys: ['Q'], selector: '.jp-hitl-card' }]
    });
    pressKey(focus('p1'), 'a');
    expect(ran).toEqual([]);
    pressKey(focus('p1'), 'q');
    expect(ran).toEqual(['approve p1']);
  });

  it('does nothing when letters are switched off, and reaches nothing else', () => {
    const { ran, focus, targets } = open();
    targets.letterKeys = false;
    pressKey(focus('p1'), 'a');
    pressKey(focus('p1'), 'x');
    expect(ran).toEqual([]);
  });

  it('that is held down decides once, and not the next card', () => {
    const { ran, focus, find } = open();
    pressKey(focus('p1'), 'a');
    pressKey(find('p1'), 'a', { repeat: true });
    find('p2').focus(); // as after a decision
    pressKey(find('p2'), 'a', { repeat: true });
    pressKey(find('p2'), 'a');
    expect(ran).toEqual(['approve p1']);
    pressKey(focus('p2'), 'a');
    expect(ran).toEqual(['approve p1', 'approve p2']);
  });

  it('scrolls to the end of a card that was not read, and then decides', () => {
    const { ran, focus, find } = open();
    find('p1').getBoundingClientRect = () => ({ top: 0, bottom: 3000 }) as DOMRect;
    const scroll = (find('p1').scrollIntoView = jest.fn());
    pressKey(focus('p1'), 'a');
    expect([ran, scroll.mock.calls.length]).toEqual([[], 1]);
    expect(document.querySelector('.jp-hitl-said')!.textContent).toBe('Read to the end, then press A again');
    pressKey(focus('p1'), 'a');
    expect(ran).toEqual(['approve p1']);
  });
});

describe('a press on the button that approves', () => {
  /** Open two cards whose buttons note what they do; the first one ends far below the window. */
  function openLong() {
    const { find } = open();
    find('p1').getBoundingClientRect = () => ({ top: 0, bottom: 3000 }) as DOMRect;
    const scroll = (find('p1').scrollIntoView = jest.fn());
    const pressed: string[] = [];
    for (const id of ['p1', 'p2']) {
      const [approve, more] = find(id).querySelectorAll<HTMLElement>('.jp-hitl-split > button');
      approve.addEventListener('click', () => pressed.push(`approve ${id}`));
      more.addEventListener('click', () => pressed.push(`more ${id}`));
    }
    const press = (id: string, selector: string): void =>
      find(id).querySelector<HTMLElement>(selector)!.click();
    return { pressed, press, scroll, find };
  }

  it('scrolls to the end of a card that was not read, says so, and then decides', () => {
    const { pressed, press, scroll } = openLong();
    press('p1', '.jp-mod-primary > span');
    expect([pressed, scroll.mock.calls.length]).toEqual([[], 1]);
    const said = document.querySelector('.jp-hitl-said')!;
    expect(said.textContent).toBe('Read to the end, then press Approve again');
    press('p1', '.jp-mod-primary');
    expect(pressed).toEqual(['approve p1']);
  });

  it('decides at once if the end of the card is on the screen; other buttons are not guarded', () => {
    const { pressed, press } = openLong();
    press('p2', '.jp-mod-primary');
    press('p1', '.more');
    expect(pressed).toEqual(['approve p2', 'more p1']);
  });
});

test('a held Enter does not press a button again and again', () => {
  const { focus } = open();
  const button = focus('p1').querySelector('button')!;
  button.focus();
  expect(pressKey(button, 'Enter')).toBe(true);
  expect(pressKey(button, 'Enter', { repeat: true })).toBe(false);
});

test('Ctrl Enter in a field goes to the button that decides, and decides nothing', () => {
  const { ran, focus } = open();
  const card = focus('p1');
  const field = card.querySelector('input')!;
  field.focus();
  pressKey(field, 'Enter', { ctrlKey: true });
  expect(document.activeElement).toBe(card.querySelector('.jp-mod-primary'));
  expect(ran).toEqual([]);
});

test('Ctrl Enter in a cell of a table goes to the button that decides too, and in a menu does not', () => {
  const { focus } = open();
  const card = focus('p1');
  const cell = card.querySelector<HTMLElement>('[role=gridcell]')!;
  cell.focus();
  pressKey(cell, 'Enter', { ctrlKey: true });
  expect(document.activeElement).toBe(card.querySelector('.jp-mod-primary'));
  const item = card.querySelector<HTMLElement>('[role=menu] button')!;
  item.focus();
  pressKey(item, 'Enter', { ctrlKey: true });
  expect(document.activeElement).toBe(item);
});

test('Escape goes from the field to the card, and from there to what is around it', () => {
  const leave = jest.fn();
  const { focus } = open({ around: { leave } });
  const card = focus('p1');
  const field = card.querySelector('input')!;
  field.focus();
  pressKey(field, 'Escape');
  expect([document.activeElement, leave.mock.calls]).toEqual([card, []]);
  pressKey(card, 'Escape');
  expect(leave).toHaveBeenCalledWith(card);
});

test('J and the arrows go to other cards, and arrows scroll where there are none', () => {
  const move = jest.fn();
  const { focus } = open({ around: { move } });
  pressKey(focus('p1'), 'j');
  pressKey(focus('p1'), 'ArrowDown', { repeat: true });
  pressKey(focus('p1'), 'ArrowUp');
  expect(move.mock.calls.map(([card, by]) => [card.id, by])).toEqual([
    ['p1', 1],
    ['p1', 1],
    ['p1', -1]
  ]);
  const alone = open();
  expect(pressKey(alone.focus('p1'), 'ArrowDown')).toBe(true);
});

test('the keys of buttons are those of the settings', () => {
  const { targets } = open({
    bindings: [
      { command: 'hitl-nb:approve-proposal', keys: ['Q'], selector: '.jp-hitl-card' },
      ...KEY_BINDINGS.filter(one => one.command !== 'hitl-nb:approve-proposal')
    ]
  });
  const host = { commandTargets: targets } as unknown as IHost;
  const hints = (): string[] =>
    ['approve-proposal', 'approve-with-reason', 'focus-decision', 'leave-card', 'show-keys', 'undo-edit'].map(
      id => keyHint(host, `hitl-nb:${id}`)
    );
  expect(hints()).toEqual(['Q', '⇧A', 'Ctrl+Enter', 'Esc', '?', '']);
  expect(keyShortcuts(host, 'hitl-nb:focus-next-card')).toBe('J ArrowDown');
  expect(keyShortcuts(host, 'hitl-nb:approve-with-reason')).toBe('Shift+A');
  targets.letterKeys = false;
  expect(hints()).toEqual(['', '', 'Ctrl+Enter', 'Esc', '', '']);
  expect(keyShortcuts(host, 'hitl-nb:focus-next-card')).toBe('ArrowDown');
});

test('a key that a card refuses says why', () => {
  const { targets, focus, find, ran } = open();
  const refused = { isEnabled: () => false, execute: () => void ran.push('answer'), whyNot: () => 'Ask Bo.' };
  targets.addCard('p1', find('p1'), () => ({ 'hitl-nb:answer-proposal': refused }));
  pressKey(focus('p1'), 'm');
  expect(ran).toEqual([]);
  expect(document.querySelector('.jp-hitl-said.jp-mod-shown')?.textContent).toBe('Ask Bo.');
});
