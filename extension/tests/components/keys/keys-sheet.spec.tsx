import { nullTranslator } from '@jupyterlab/translation';
import { act, render } from '@testing-library/react';
import { createRef } from 'react';
import { ApproveMenu } from '../../../src/components/decide/approve-menu';
import type { IHost } from '../../../src/components/host';
import { useKeyHints } from '../../../src/components/keys/key-hints';
import { KeysButton } from '../../../src/components/keys/keys-button';
import { KeysSheet } from '../../../src/components/keys/keys-sheet';
import { CommandTargets, KEY_BINDINGS } from '../../../src/components/review-commands';

const doNothing = (): void => undefined;

const textsOf = (selector: string): (string | null)[] =>
  [...document.querySelectorAll(selector)].map(one => one.textContent);

function openHost(bindings = KEY_BINDINGS): IHost {
  const commandTargets = new CommandTargets();
  commandTargets.registry = { keyBindings: bindings } as unknown as CommandTargets['registry'];
  return { trans: nullTranslator.load('hitl_nb'), commandTargets } as unknown as IHost;
}

function Menu({ host }: { host: IHost }): JSX.Element {
  useKeyHints(host);
  const primary = { action: 'approve' as const, label: 'Approve', blocked: null };
  return (
    <ApproveMenu
      {...{ anchor: createRef<HTMLElement>(), primary, changes: 0, canApprove: true, host }}
      {...{ onClose: doNothing, onApprove: doNothing, onReason: doNothing, onAgentsVersion: doNothing }}
    />
  );
}

test('the sheet names only keys that act', () => {
  const host = openHost();
  render(<KeysSheet anchor={createRef()} host={host} onClose={doNothing} />);
  expect(textsOf('.jp-hitl-keys kbd')).toEqual(expect.arrayContaining(['J', 'A', 'R', 'Esc', '?']));
  act(() => {
    host.commandTargets!.letterKeys = false;
  });
  expect(textsOf('.jp-hitl-keys kbd').slice(0, 4)).toEqual(['↓', '↑', 'Enter', 'Esc']);
  expect(textsOf('.jp-hitl-keys kbd')).not.toContain('J');
});

test('the sheet has all keys of each command, and the keys of editors', () => {
  render(<KeysSheet anchor={createRef()} host={openHost()} onClose={doNothing} />);
  const keys = textsOf('.jp-hitl-keys dt');
  const texts = textsOf('.jp-hitl-keys dd');
  const keysOf = (text: string): string | null => keys[texts.indexOf(text)];
  expect(keysOf('next')).toBe('J↓');
  expect(keysOf('select')).toBe('XSpace');
  expect(keysOf('select to here')).toBe('⇧X');
  expect(keysOf('select the next, too')).toBe('⇧↓');
  expect(keysOf('to the button that decides; in a pop-up: send')).toBe('Ctrl+Enter');
  expect(keysOf('undo in the draft')).toBe('Ctrl+Z');
  expect(keysOf('redo in the draft')).toBe('Ctrl+⇧ZCtrl+Y');
  expect(keysOf('comment on the selected text')).toBe('Ctrl+Alt+M');
});

test('the tooltip of an icon has its key, unless it is switched off', () => {
  const host = openHost();
  const { container } = render(<KeysButton host={host} proposal="p" />);
  const titles = (): (string | null)[] =>
    [...container.querySelectorAll('button')].map(one => one.getAttribute('title'));
  expect(titles()).toEqual(['Keys (?)']);
  act(() => {
    host.commandTargets!.letterKeys = false;
  });
  expect(titles()).toEqual(['Keys']);
});

test('the menu of ways to approve has the keys of the settings, and none that are switched off', () => {
  const host = openHost(
    KEY_BINDINGS.map(one => (one.command === 'hitl-nb:approve-proposal' ? { ...one, keys: ['Q'] } : one))
  );
  render(<Menu host={host} />);
  expect(textsOf('.jp-hitl-kbd')).toEqual(['Q', '⇧A']);
  act(() => {
    host.commandTargets!.letterKeys = false;
  });
  expect(textsOf('.jp-hitl-kbd')).toEqual([]);
});
