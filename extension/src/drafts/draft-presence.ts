/**
 * Who has a draft open, and what they are about: everybody's awareness, in which the server says who is who.
 */

import { ISignal, Signal } from '@lumino/signaling';
import { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { IPerson } from './draft';

/** Milliseconds after a keystroke in which somebody is typing. */
const TYPING_MS = 3000;

/** Colours for those who have none of their own; they can be told apart on light and on dark. */
const PERSON_COLORS = [
  '#1f83c9',
  '#d9661f',
  '#1a9a72',
  '#c65b9c',
  '#a8800f',
  '#8a6fd1',
  '#d0473b',
  '#5f8c2a'
];

/** What people here tell of themselves, and the server of them. */
interface IAwarenessState {
  user?: { [name: string]: unknown };
  focus?: unknown;
  typing?: unknown;
}

export class DraftPresence {
  /** @param _me - who this person is, once the server said so. */
  constructor(
    doc: Y.Doc,
    private _me: () => { [name: string]: unknown } | null
  ) {
    this.awareness = new Awareness(doc);
    this.awareness.setLocalState({ cursor: null, focus: null, typing: false, visible: false });
    this.awareness.on('change', this._onAwareness);
  }

  readonly awareness: Awareness;

  /** Everybody here, this person first, the others by name. */
  get people(): readonly IPerson[] {
    this._people ??= this._readPeople();
    return this._people;
  }

  /** Emitted when somebody comes, goes, types, or is at another field. */
  get changed(): ISignal<DraftPresence, void> {
    return this._changed;
  }

  /** This person has just typed. */
  markTyping(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._setField('typing', false), TYPING_MS);
    this._setField('typing', true);
  }

  focus(path: string | null): void {
    this._setField('focus', path);
  }

  show(view: object, visible: boolean): void {
    this._views[visible ? 'add' : 'delete'](view);
    this._setField('visible', this._views.size > 0);
  }

  /** Who this person is may be known now. */
  update(): void {
    this._people = null;
  }

  dispose(): void {
    clearTimeout(this._timer);
    this.awareness.destroy();
    Signal.clearData(this);
  }

  private _onAwareness = (): void => {
    const before = this._people;
    this._people = null;
    if (JSON.stringify(before) !== JSON.stringify(this.people)) {
      this._changed.emit();
    } else {
      this._people = before; // a cursor moved
    }
  };

  private _setField(name: string, value: unknown): void {
    if (this.awareness.getLocalState()?.[name] !== value) {
      this.awareness.setLocalStateField(name, value);
    }
  }

  private _readPeople(): IPerson[] {
    const found: IPerson[] = [];
    this.awareness.getStates().forEach((state: IAwarenessState, client) => {
      const me = client === this.awareness.clientID;
      const user = me ? this._me() : state.user;
      if (user) {
        found.push(toPerson(client, user, me, state));
      }
    });
    return found.sort(
      (one, other) => Number(other.me) - Number(one.me) || one.name.localeCompare(other.name)
    );
  }

  private _people: readonly IPerson[] | null = null;
  private _views = new Set<object>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _changed = new Signal<DraftPresence, void>(this);
}

function toPerson(
  client: number,
  user: { [name: string]: unknown },
  me: boolean,
  state: IAwarenessState
): IPerson {
  const text = (name: string): string => (typeof user[name] === 'string' ? user[name] : '');
  const name = text('name') || text('username');
  return {
    client,
    username: text('username'),
    name,
    initials: text('initials') || makeInitials(name),
    color: chooseColor(text('color'), text('username')),
    me,
    typing: state.typing === true,
    focus: typeof state.focus === 'string' ? state.focus : null
  };
}

function makeInitials(name: string): string {
  const words = name.split(/\s+/).filter(word => word !== '');
  return words
    .slice(0, 2)
    .map(word => [...word][0].toUpperCase())
    .join('');
}

/** The colour that Jupyter gave somebody, if a style may have it; else one by their name, the same in every window. */
export function chooseColor(given: string, username: string): string {
  if (/^(#[0-9a-f]{3,8}|[a-z]+|var\(--jp-[\w-]+\)|(rgb|hsl)a?\([\d.,%\s/]+\))$/i.test(given)) {
    return given;
  }
  const sum = [...username].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 9973, 7);
  return PERSON_COLORS[sum % PERSON_COLORS.length];
}
