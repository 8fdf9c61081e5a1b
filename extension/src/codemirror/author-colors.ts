/**
 * A text colored by its authors: one tint per author, with the name as a tooltip.
 */

import type { Range } from '@codemirror/state';
import { Decoration, type DecorationSet } from '@codemirror/view';
import { ISignal, Signal } from '@lumino/signaling';
import type { DraftHistory } from '../models/history';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IAuthoredText } from '../drafts/text-authors';
import { DecorationSource } from './decorations';
import { displayName } from '../text/guest-names';
import type { IDraft, IPerson } from '../drafts/draft';

/** Colors of authors who have none of their own, in the order of their first edits. */
const PALETTE = [5, 3, 6, 2, 7, 1, 4].map(n => `var(--jp-collaborator-color${n})`);
const AGENT_COLOR = 'var(--jp-layout-color3)';

/** Name and color of an author. */
export interface IAuthor {
  name: string;
  color: string;
  /** Whether it is the person at this window. */
  me: boolean;
}

/**
 * Choose a name and a color for each author and each person present, by user name. "" is the agent, named `agent`.
 */
export function listAuthors(
  names: ReadonlyMap<string, string>,
  people: readonly IPerson[],
  agent: string
): Map<string, IAuthor> {
  const present = new Map(people.map(one => [one.username, one]));
  const taken = new Set<string>();
  const found = new Map<string, IAuthor>();
  for (const by of new Set([...names.keys(), ...present.keys()])) {
    const name = by === '' ? agent : (present.get(by)?.name ?? displayName(by, names.get(by) ?? by));
    const own = by === '' ? AGENT_COLOR : present.get(by)?.color;
    // Jupyter gives several people the same color.
    const free = [own, ...PALETTE].filter((one): one is string => one !== undefined && !taken.has(one));
    const color = free[0] ?? PALETTE[found.size % PALETTE.length];
    taken.add(color);
    found.set(by, { name, color, me: present.get(by)?.me ?? false });
  }
  return found;
}

/**
 * Make the tints of a text from its parts, in order. Parts by authors who are not in `by`, and text after the first
 * `length` characters, get no tint.
 */
export function makeTints(
  pieces: readonly IAuthoredText[],
  by: ReadonlyMap<string, IAuthor>,
  length: number
): DecorationSet {
  const found: Range<Decoration>[] = [];
  let at = 0;
  for (const piece of pieces) {
    const end = Math.min(at + piece.text.length, length);
    const author = piece.by === null ? undefined : by.get(piece.by);
    if (author && at < end) {
      const attributes = {
        style: `--hitl-person: ${author.color}`,
        title: showHiddenCharacters(author.name)
      };
      found.push(Decoration.mark({ class: 'jp-hitl-author', attributes }).range(at, end));
    }
    at = end;
  }
  return Decoration.set(found);
}

/** The author colors of a shared text, which a person can switch on and off. */
export class AuthorColors {
  /**
   * @param _draft - the draft of a text kind.
   * @param _history - returns the history; first called when the colors are switched on.
   */
  constructor(
    private _draft: IDraft,
    private _history: () => DraftHistory,
    private _agent: string
  ) {
    this._decorated = new DecorationSource(length => this._makeDecorations(length));
  }

  /** The extension for the editors of the text. */
  get extension(): DecorationSource['extension'] {
    return this._decorated.extension;
  }

  /** Whether the colors are shown. */
  get isOn(): boolean {
    return this._on;
  }

  /** The authors of the text, as far as the log was read; empty while the colors are off. */
  get authors(): IAuthor[] {
    const { names } = this._history();
    return [...this._allAuthors].filter(([by]) => names.has(by)).map(([, author]) => author);
  }

  /** Error of reading the log, as a sentence for people, or "". */
  get problem(): string {
    return this._on ? this._history().problem : '';
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<AuthorColors, void> {
    return this._changed;
  }

  /** Switch the colors on or off. */
  toggle(): void {
    if (this._on) {
      this.dispose();
      this._redraw();
      return;
    }
    this._on = true;
    this._draft.changed.connect(this._onWritten, this);
    this._history().changed.connect(this._readHistory, this);
    void this._history().read();
    this._redraw();
  }

  dispose(): void {
    if (this._on) {
      this._on = false;
      this._draft.changed.disconnect(this._onWritten, this);
      this._history().changed.disconnect(this._readHistory, this);
    }
  }

  private _onWritten(_: unknown, { value }: { value: boolean }): void {
    if (value) {
      this._history().scheduleRead();
    }
  }

  private _readHistory(history: DraftHistory): void {
    if (!history.isReading) {
      this._redraw();
    }
  }

  private _redraw(): void {
    this._decorated.redraw();
    this._changed.emit();
  }

  private _makeDecorations(length: number): DecorationSet {
    const { file, people } = this._draft;
    if (!this._on || !file) {
      return Decoration.none;
    }
    // The newest edits are not in the log yet; they are by people who are present.
    const peers = new Map(people.map(one => [one.client, one.username]));
    const pieces = this._history().replay.authors.splitByAuthor(
      file.ysource,
      client => peers.get(client) ?? null
    );
    return makeTints(pieces, this._allAuthors, length);
  }

  /** Everybody who has written, and everybody present. */
  private get _allAuthors(): Map<string, IAuthor> {
    return this._on ? listAuthors(this._history().names, this._draft.people, this._agent) : new Map();
  }

  private _decorated: DecorationSource;
  private _on = false;
  private _changed = new Signal<AuthorColors, void>(this);
}
