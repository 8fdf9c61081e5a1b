/**
 * Where the others are in a shared text: their cursors with their names, and what they have selected. And where this
 * person is, told to the others. Positions are relative to the text's characters, so they move with them.
 */

import { Annotation, type Extension, type Range } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate,
  WidgetType
} from '@codemirror/view';
import * as Y from 'yjs';
import { visible } from '../view/visible';
import type { IDraft, IPerson } from './index';

/** Milliseconds until a cursor that moved is told: it moves with every keystroke. */
const PAUSE = 50;

const MOVED = Annotation.define<boolean>();

/** What an editor that is bound to a draft's file adds to CodeMirror. */
export function cursors(draft: IDraft): Extension {
  return ViewPlugin.define(view => new Cursors(view, draft), { decorations: plugin => plugin.decorations });
}

class Cursors implements PluginValue {
  constructor(
    private _view: EditorView,
    private _draft: IDraft
  ) {
    this.decorations = this._drawn();
    _draft.awareness.on('change', this._moved);
    _draft.changed.connect(this._named, this);
  }

  decorations: DecorationSet;

  update(update: ViewUpdate): void {
    if (update.docChanged || update.transactions.some(one => one.annotation(MOVED))) {
      this.decorations = this._drawn();
    }
    if (update.docChanged || update.selectionSet || update.focusChanged) {
      this._timer ??= setTimeout(() => this._tell(), PAUSE);
    }
  }

  destroy(): void {
    clearTimeout(this._timer);
    this._draft.awareness.off('change', this._moved);
    this._draft.changed.disconnect(this._named, this);
    if (this._told) {
      this._draft.awareness.setLocalStateField('cursor', null);
    }
  }

  /** Tell the others where this person is. Not at once: the text has to have what was typed. */
  private _tell(): void {
    this._timer = undefined;
    const text = this._draft.file!.ysource;
    const { anchor, head } = this._view.state.selection.main;
    if (!this._view.hasFocus) {
      if (this._told) {
        this._told = false;
        this._draft.awareness.setLocalStateField('cursor', null);
      }
      return;
    }
    const place = (index: number): unknown =>
      Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length)));
    this._told = true;
    this._draft.awareness.setLocalStateField('cursor', { anchor: place(anchor), head: place(head) });
  }

  private _moved = (_: unknown, origin: unknown): void => {
    if (origin !== 'local') {
      this._redraw();
    }
  };

  /** Somebody types, or is known by name now. */
  private _named(): void {
    if (this._people !== this._draft.people) {
      this._redraw();
    }
  }

  private _redraw(): void {
    // Not while CodeMirror or the text is in the middle of something.
    this._later ??= setTimeout(() => {
      this._later = undefined;
      if (this._view.dom.isConnected) {
        this._view.dispatch({ annotations: MOVED.of(true) });
      }
    }, 0);
  }

  private _drawn(): DecorationSet {
    const { awareness, people } = this._draft;
    this._people = people;
    const found: Range<Decoration>[] = [];
    for (const person of people) {
      const cursor = person.me ? null : (awareness.getStates().get(person.client)?.cursor as unknown);
      const [anchor, head] = [this._index(cursor, 'anchor'), this._index(cursor, 'head')];
      if (anchor === null || head === null) {
        continue;
      }
      if (anchor !== head) {
        const style = `--hitl-person: ${person.color}`;
        const marked = Decoration.mark({ class: 'jp-hitl-selected', attributes: { style } });
        found.push(marked.range(Math.min(anchor, head), Math.max(anchor, head)));
      }
      found.push(Decoration.widget({ widget: new Cursor(person), side: head > anchor ? -1 : 1 }).range(head));
    }
    return Decoration.set(found, true);
  }

  /** Where one end of somebody's cursor is here; null if that cannot be told. */
  private _index(cursor: unknown, end: 'anchor' | 'head'): number | null {
    const { ydoc, ysource } = this._draft.file!;
    const given = (cursor as { [end: string]: unknown } | null | undefined)?.[end];
    if (typeof given !== 'object' || given === null) {
      return null;
    }
    try {
      const position = Y.createRelativePositionFromJSON(given);
      const found = Y.createAbsolutePositionFromRelativePosition(position, ydoc);
      return found?.type === ysource ? Math.min(found.index, this._view.state.doc.length) : null;
    } catch {
      return null; // it came from another browser: whatever it is, it is no place here
    }
  }

  private _people: readonly IPerson[] = [];
  private _told = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _later: ReturnType<typeof setTimeout> | undefined;
}

/** A cursor with its owner's name. */
class Cursor extends WidgetType {
  constructor(private _person: IPerson) {
    super();
  }

  override eq({ _person: other }: Cursor): boolean {
    const { client, name, color, typing } = this._person;
    return client === other.client && name === other.name && color === other.color && typing === other.typing;
  }

  override toDOM(): HTMLElement {
    const node = document.createElement('span');
    node.className = `jp-hitl-cursor${this._person.typing ? ' jp-mod-typing' : ''}`;
    node.style.setProperty('--hitl-person', this._person.color);
    node.setAttribute('aria-hidden', 'true');
    const name = node.appendChild(document.createElement('span'));
    name.textContent = visible(this._person.name);
    return node;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
