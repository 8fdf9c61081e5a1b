/**
 * Keys of commands as text, as they are set now: for buttons, tooltips, `aria-keyshortcuts` and the sheet of keys.
 */

import { useEffect, useReducer } from 'react';
import type { IHost } from '../host';

/** Signs of keys and modifiers. Words are used where there is no common sign. */
const SIGNS: { [key: string]: string } = {
  ArrowDown: '↓',
  ArrowUp: '↑',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  Shift: '⇧',
  'Shift /': '?'
};

const IS_MAC = /Mac/i.test(navigator.platform);

/** Signs of modifiers on a Mac. */
const MAC_SIGNS: { [key: string]: string } = { Accel: '⌘', Cmd: '⌘', Ctrl: '⌃', Alt: '⌥' };

/**
 * The first key of a command for people, such as "A", "⇧A" or "Ctrl+Enter"; "" if it has none, or if keys of one
 * letter are switched off.
 */
export function keyHint(host: IHost, command: string): string {
  const [first] = actingKeys(host, command);
  return first === undefined ? '' : formatKey(first);
}

/** All keys of a command for people; none if it has none that act now. */
export function keyHints(host: IHost, command: string): string[] {
  return actingKeys(host, command).map(formatKey);
}

/** The keys of a command in the form of `aria-keyshortcuts`; undefined if it has none. */
export function keyShortcuts(host: IHost, command: string): string | undefined {
  const keys = actingKeys(host, command).map(ariaKey);
  return keys.length > 0 ? keys.join(' ') : undefined;
}

/** A key in the form of `aria-keyshortcuts`. */
export function ariaKey(key: string): string {
  return key
    .split(' ')
    .map(part => ({ Accel: IS_MAC ? 'Meta' : 'Control', Ctrl: 'Control', Cmd: 'Meta' })[part] ?? part)
    .join('+');
}

/** Draw a component again when the keys of one letter are switched on or off, with the hints in it. */
export function useKeyHints({ commandTargets: targets }: IHost): void {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    targets?.letterKeysChanged.connect(redraw);
    return () => void targets?.letterKeysChanged.disconnect(redraw);
  }, [targets]);
}

/** A key as people know it. */
export function formatKey(key: string): string {
  if (SIGNS[key]) {
    return SIGNS[key];
  }
  const parts = key.split(' ').map(part => {
    const sign = IS_MAC ? MAC_SIGNS[part] : undefined;
    return sign ?? (part === 'Accel' ? 'Ctrl' : (SIGNS[part] ?? part));
  });
  return parts.reduce((text, part) => (/(^|[⇧⌘⌃⌥])$/.test(text) ? text + part : `${text}+${part}`), '');
}

function actingKeys({ commandTargets: targets }: IHost, command: string): string[] {
  const keys = targets?.keysOf(command) ?? [];
  return targets?.letterKeys === false ? keys.filter(key => !isLetterKey(key)) : keys;
}

/** Return true for a key that types a character, alone or with Shift. */
export function isLetterKey(key: string): boolean {
  const parts = key.split(' ');
  const last = parts[parts.length - 1];
  return !parts.slice(0, -1).some(part => part !== 'Shift') && (last.length === 1 || last === 'Space');
}
