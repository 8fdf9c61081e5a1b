/**
 * A text coloured by its authors: a tint for each, and the name for who points at it.
 */

import type { Range } from '@codemirror/state';
import { Decoration, type DecorationSet } from '@codemirror/view';
import { ISignal, Signal } from '@lumino/signaling';
import type { DraftHistory } from '../models/history';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IAuthoredText } from '../drafts/text-authors';
import { DecorationSource } from './decorations';
import type { IDraft, IPerson } from '../drafts/draft';

/** Colours of authors that have none of their own, in the order in which they came. */
const PALETTE = [5, 3, 6, 2, 7, 1, 4].map(n => `var(--jp-collaborator-color${n})`);
const AGENT_COLOR = 'var(--jp-layout-color3)';

/** An author as shown. */
export interface IAuthor {
  name: string;
  color: string;
}

/** How everybody who wrote is shown, by user name; "" is the agent, and called `agent`. */
export function listAuthors(
  names: ReadonlyMap<string, string>,
  people: readonly IPerson[],
  agent: string
): Map<string, IAuthor> {
  const present = new Map(people.map(one => [one.username, one]));
  const taken = new Set<string>();
  const found = new Map<string, IAuthor>();
  for (const by of new Set([...names.keys(), ...present.keys()])) {
    const name = by === '' ? agent : (present.get(by)?.name ?? names.get(by) ?? by);
    const own = by === '' ? AGENT_COLOR : present.get(by)?.color;
    // Jupyter gives the same colour to several people.
    const free = [own, ...PALETTE].filter((one): one is string => one !== undefined && !taken.has(one));
    const color = free[0] ?? PALETTE[found.size % PALETTE.length];
    taken.add(color);
    found.set(by, { name, color });
  }
  return found;
}

/** The tints of a text that is these pieces, as far as its first `length` characters. */
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

/** The colours of a text that people are writing, while somebody wants to see them. */
export class AuthorColors {
  /**
   * @param _draft - of a text.
   * @param _history - made when it is needed first.
   * @param _agent - what the agent is called.
   */
  constructor(
    private _draft: IDraft,
    private _history: () => DraftHistory,
    private _agent: string
  ) {
    this._decorated = new DecorationSource(length => this._makeDecorations(length));
  }

  get extension(): DecorationSource['extension'] {
    return this._decorated.extension;
  }

  get isOn(): boolean {
    return this._on;
  }

  /** Who wrote, as far as the log was read; nobody while it is off. */
  get authors(): IAuthor[] {
    const { names } = this._history();
    return [...this._allAuthors].filter(([by]) => names.has(by)).map(([, author]) => author);
  }

  /** Why the log could not be read, for people, or "". */
  get problem(): string {
    return this._on ? this._history().problem : '';
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<AuthorColors, void> {
    return this._changed;
  }

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
    if (!history.reading) {
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
    // What the log was not asked for yet was written by somebody who is here.
    const peers = new Map(people.map(one => [one.client, one.username]));
    const pieces = this._history().replay.authors.splitByAuthor(
      file.ysource,
      client => peers.get(client) ?? null
    );
    return makeTints(pieces, this._allAuthors, length);
  }

  /** Everybody who wrote or may have done so. */
  private get _allAuthors(): Map<string, IAuthor> {
    return this._on ? listAuthors(this._history().names, this._draft.people, this._agent) : new Map();
  }

  private _decorated: DecorationSource;
  private _on = false;
  private _changed = new Signal<AuthorColors, void>(this);
}
