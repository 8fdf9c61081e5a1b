/**
 * The comments on a shared text, in its editors. The texts of open comments are marked, and a new comment is about
 * the selection. A click on a mark chooses its comment; a comment can show its mark.
 */

import { type Extension, Prec, type Range } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, WidgetType } from '@codemirror/view';
import { ISignal, Signal } from '@lumino/signaling';
import type { IComment } from '../api/types';
import type { ICommentDraft, IDiscussion } from '../models/discussion';
import { makeCommentTarget, type ITextRange, locateQuote } from '../drafts/comment-anchor';
import { DecorationSource } from './decorations';
import type { IDraft } from '../drafts/draft';

/** Milliseconds from an edit until the positions of all comments are updated. */
const DELAY_MS = 100;

/** Comments on the selection; without a selection, moves to the comment at the cursor. */
export const COMMENT_KEY = 'Ctrl Alt M';

/** Range of a comment's text, and the text that is there now. */
export interface IQuoteRange extends ITextRange {
  text: string;
}

/** A comment that was chosen in the text. */
export interface IChosenComment {
  /** Id of the comment, or "". */
  id: string;
  /** Whether the focus should move to the comment, so that it is not only shown. */
  goes: boolean;
  /** Whether the cursor is in its text now. Then nothing scrolls, since the person is in the text. */
  byCursor: boolean;
}

/** The number of a comment before its text. The sheet of styles draws it, so that it is no part of the text. */
class NumberSign extends WidgetType {
  constructor(private _number: number) {
    super();
  }

  override eq(other: NumberSign): boolean {
    return other._number === this._number;
  }

  override toDOM(): HTMLElement {
    const sign = document.createElement('span');
    sign.className = 'jp-hitl-remark-number';
    sign.dataset.number = String(this._number);
    sign.setAttribute('aria-hidden', 'true');
    return sign;
  }
}

/** Marks of the comments on one draft, and the selection for new comments. */
export class CommentMarks {
  constructor(
    private _draft: IDraft,
    private _discussion: IDiscussion
  ) {
    this._decorated = new DecorationSource(length => this._makeDecorations(length));
    this.extension = [
      this._decorated.extension,
      EditorView.updateListener.of(({ view, selectionSet, docChanged }) => {
        if (selectionSet || docChanged) {
          this._select(view);
        }
        if (selectionSet && view.hasFocus) {
          // Later: an editor that applies a change cannot be drawn again.
          void Promise.resolve().then(() => this._followCursor(view));
        }
      }),
      EditorView.domEventHandlers({ click: event => this._onClick(event) }),
      Prec.high(
        keymap.of([
          { key: COMMENT_KEY.replace(/ /g, '-').replace(/M$/, 'm'), run: view => this._onShortcut(view) }
        ])
      )
    ];
  }

  /** The extension for the editors of the text. */
  readonly extension: Extension;

  /** Ranges of the open comments that are about a part of the text, by comment id; null if that text is gone. */
  get places(): ReadonlyMap<string, IQuoteRange | null> {
    return this._places;
  }

  /** Numbers of the open comments that have a place, in the order of the text, from 1. */
  get numbers(): ReadonlyMap<string, number> {
    return this._numbers;
  }

  /** Whether text is selected. */
  get hasSelection(): boolean {
    return this._view !== null;
  }

  /** The comment that is being written, or null. */
  get commentDraft(): ICommentDraft | null {
    return this._asked;
  }

  /** The comment that was chosen last. It is a new object after each choice. */
  get chosen(): IChosenComment {
    return this._chosen;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<CommentMarks, void> {
    return this._changed;
  }

  /** Start to follow the text and its comments. */
  open(): void {
    this._draft.changed.connect(this._scheduleLook, this);
    this._discussion.changed.connect(this._locateQuotes, this);
    this._locateQuotes();
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._draft.changed.disconnect(this._scheduleLook, this);
    this._discussion.changed.disconnect(this._locateQuotes, this);
    Signal.clearData(this);
  }

  /**
   * Start a comment on the selection.
   *
   * @param suggests - whether the comment suggests a replacement.
   */
  startComment(suggests: boolean): void {
    if (this._view) {
      const { from, to } = this._view.state.selection.main;
      const text = this._draft.file!.getSource().slice(from, to);
      this._asked = {
        ...makeCommentTarget(this._draft.file!.ysource, { start: from, end: to }),
        ...{ text, suggests }
      };
      this._changed.emit();
    }
  }

  /** Continue a comment that was begun before the card was drawn again. */
  resumeComment(draft: ICommentDraft): void {
    this._asked = draft;
    this._changed.emit();
  }

  /** Drop the comment draft, after it was sent or cancelled. If `back`, move the focus to the text. */
  dropComment(back: boolean): void {
    this._asked = null;
    this._changed.emit();
    if (back) {
      this._view?.focus();
    }
  }

  /** Choose a comment. If `goes`, the focus moves to it. */
  choose(id: string, goes = false): void {
    this._setChosen({ id, goes, byCursor: false });
  }

  private _setChosen(chosen: IChosenComment): void {
    this._chosen = chosen;
    this._decorated.redraw();
    this._changed.emit();
  }

  /** Scroll to the text of a comment, select it, and focus the editor. */
  show(id: string): void {
    const place = this._places.get(id);
    const [view] = this._decorated.views;
    if (place && view) {
      const length = view.state.doc.length;
      const anchor = Math.min(place.start, length);
      this.choose(id);
      view.dispatch({
        selection: { anchor, head: Math.min(place.end, length) },
        effects: EditorView.scrollIntoView(anchor, { y: 'center' })
      });
      view.focus();
    }
  }

  private _select(view: EditorView): void {
    const { empty } = view.state.selection.main;
    const before = this._view;
    this._view = empty ? (before === view ? null : before) : view;
    if ((before === null) !== (this._view === null)) {
      this._changed.emit();
    }
  }

  private _onClick({ target }: MouseEvent): boolean {
    const mark = target instanceof Element ? target.closest<HTMLElement>('[data-hitl-comment]') : null;
    if (mark) {
      this.choose(mark.dataset.hitlComment!);
    }
    return false;
  }

  private _onShortcut(view: EditorView): boolean {
    if (!view.state.selection.main.empty) {
      this.startComment(false);
      return true;
    }
    const found = this._findAtCursor(view);
    if (found !== '') {
      this.choose(found, true);
    }
    return true;
  }

  /** Return the id of the comment at the cursor, or "". */
  private _findAtCursor(view: EditorView): string {
    const { head } = view.state.selection.main;
    return [...this._places].find(([, at]) => at && at.start <= head && head <= at.end)?.[0] ?? '';
  }

  /** The comment at the cursor is the chosen one. */
  private _followCursor(view: EditorView): void {
    const id = this._disposed ? this._chosen.id : this._findAtCursor(view);
    if (id !== this._chosen.id) {
      this._setChosen({ id, goes: false, byCursor: true });
    }
  }

  private _scheduleLook(): void {
    this._timer ??= setTimeout(() => this._locateQuotes(), DELAY_MS);
  }

  /** Find the current range of each open comment. */
  private _locateQuotes(): void {
    clearTimeout(this._timer);
    this._timer = undefined;
    const found = new Map<string, IQuoteRange | null>();
    const text = this._draft.file!.ysource;
    const open = this._draft.isLoaded ? this._discussion.comments.filter(isAboutPart) : [];
    const all = open.length > 0 ? text.toString() : '';
    for (const comment of open) {
      const range = locateQuote(text, comment);
      found.set(comment.id, range && { ...range, text: all.slice(range.start, range.end) });
    }
    if (JSON.stringify([...found]) !== JSON.stringify([...this._places])) {
      this._places = found;
      this._numbers = numberPlaces(found);
      this._decorated.redraw();
      this._changed.emit();
    }
  }

  private _makeDecorations(length: number): DecorationSet {
    const found: Range<Decoration>[] = [];
    for (const [id, place] of this._places) {
      const end = Math.min(place?.end ?? 0, length);
      if (place && place.start < end) {
        const name = `jp-hitl-remark${id === this._chosen.id ? ' jp-mod-chosen' : ''}`;
        const mark = Decoration.mark({
          tagName: 'mark',
          class: name,
          attributes: { 'data-hitl-comment': id }
        });
        found.push(mark.range(place.start, end));
        const sign = new NumberSign(this._numbers.get(id) ?? 0);
        found.push(Decoration.widget({ widget: sign, side: -1 }).range(place.start));
      }
    }
    return Decoration.set(found, true);
  }

  private _decorated: DecorationSource;
  private _places: ReadonlyMap<string, IQuoteRange | null> = new Map();
  /** The editor that has a selection. */
  private _view: EditorView | null = null;
  private _asked: ICommentDraft | null = null;
  private _chosen: IChosenComment = { id: '', goes: false, byCursor: false };
  private _numbers: ReadonlyMap<string, number> = new Map();
  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _changed = new Signal<CommentMarks, void>(this);
}

function numberPlaces(places: ReadonlyMap<string, IQuoteRange | null>): Map<string, number> {
  const found = [...places].flatMap(([id, place]) => (place ? [{ id, start: place.start }] : []));
  return new Map(found.sort((one, other) => one.start - other.start).map(({ id }, i) => [id, i + 1]));
}

function isAboutPart({ state, thread, anchor, quote }: IComment): boolean {
  return state === 'open' && thread === '' && (anchor !== null || quote !== '');
}
