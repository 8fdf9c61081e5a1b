/**
 * The people who have a draft open, and what they do there. It uses the Yjs awareness; the server adds the
 * identities.
 */

import { ISignal, Signal } from '@lumino/signaling';
import { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { displayName, isGeneratedName } from '../text/guest-names';
import type { IPerson } from './draft';

/** How long a person counts as typing after a keystroke, in milliseconds. */
const TYPING_MS = 3000;

/** Colors for people without one of their own. They can be told apart on light and on dark grounds. */
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

/** The awareness state of one window: `user` is set by the server, the rest by the window itself. */
interface IAwarenessState {
  user?: { [name: string]: unknown };
  focus?: unknown;
  typing?: unknown;
}

/** Presence of this person and of the others in one draft. */
export class DraftPresence {
  /** @param _me - returns this person's identity; null until the server has sent it. */
  constructor(
    doc: Y.Doc,
    private _me: () => { [name: string]: unknown } | null
  ) {
    this.awareness = new Awareness(doc);
    this.awareness.setLocalState({ cursor: null, focus: null, typing: false, visible: false });
    this.awareness.on('change', this._onAwareness);
  }

  readonly awareness: Awareness;

  /** Everybody in the draft: this person first, then the others by name. */
  get people(): readonly IPerson[] {
    this._people ??= this._readPeople();
    return this._people;
  }

  /** Find the person of a window: one who is here, or was here since this object was made. */
  findPerson(client: number): IPerson | null {
    return this.people.find(one => one.client === client) ?? this._known.get(client) ?? null;
  }

  /** Emitted when a person arrives, leaves, types, or moves to another field. */
  get changed(): ISignal<DraftPresence, void> {
    return this._changed;
  }

  /** Tell the others that this person has just typed. */
  markTyping(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._setField('typing', false), TYPING_MS);
    this._setField('typing', true);
  }

  /** Tell the others which field this person is in; null: none. */
  focus(path: string | null): void {
    this._setField('focus', path);
  }

  /** Record whether one view of the draft is visible. The others see this person as a reader while any view is. */
  show(view: object, visible: boolean): void {
    this._views[visible ? 'add' : 'delete'](view);
    this._setField('visible', this._views.size > 0);
  }

  /** Read the people again, because this person's identity may be known now. */
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
      this._people = before; // only a cursor moved
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
        const person = toPerson(client, user, me, state);
        found.push(person);
        this._known.set(client, person);
      }
    });
    return found.sort(
      (one, other) => Number(other.me) - Number(one.me) || one.name.localeCompare(other.name)
    );
  }

  private _people: readonly IPerson[] | null = null;
  /** Everybody who was here, by window. */
  private _known = new Map<number, IPerson>();
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
  const name = displayName(text('username'), text('name'));
  return {
    client,
    username: text('username'),
    name,
    // The initials of a name that Jupyter invented are nobody's.
    initials: (!isGeneratedName(text('username')) && text('initials')) || makeInitials(name),
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

/**
 * Return the color that Jupyter gave a user, if it is safe in a style. Otherwise return one that depends only on the
 * user name, so that it is the same in every window.
 */
export function chooseColor(given: string, username: string): string {
  if (/^(#[0-9a-f]{3,8}|[a-z]+|var\(--jp-[\w-]+\)|(rgb|hsl)a?\([\d.,%\s/]+\))$/i.test(given)) {
    return given;
  }
  const sum = [...username].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 9973, 7);
  return PERSON_COLORS[sum % PERSON_COLORS.length];
}
