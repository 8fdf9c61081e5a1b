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
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IDraft, IPerson } from '../drafts/draft';

/** Milliseconds until a cursor that moved is told: it moves with every keystroke. */
const THROTTLE_MS = 50;

const MOVED = Annotation.define<boolean>();

/** What an editor that is bound to a draft's file adds to CodeMirror. */
export function remoteCursors(draft: IDraft): Extension {
  return ViewPlugin.define(view => new RemoteCursors(view, draft), {
    decorations: plugin => plugin.decorations
  });
}

class RemoteCursors implements PluginValue {
  constructor(
    private _view: EditorView,
    private _draft: IDraft
  ) {
    this._readPositions(_draft.awareness.getStates().keys());
    this.decorations = this._makeDecorations();
    _draft.awareness.on('change', this._onMoved);
    _draft.changed.connect(this._onNamesChanged, this);
  }

  decorations: DecorationSet;

  update(update: ViewUpdate): void {
    const { docChanged, changes } = update;
    if (docChanged) {
      // To look for a place takes longer the longer the text is. It moves as any place in the text does.
      this._places.forEach(({ anchor, head }, client) =>
        this._places.set(client, { anchor: changes.mapPos(anchor, 1), head: changes.mapPos(head, 1) })
      );
      if (this._unknown.size > 0) {
        this._redraw();
      }
    }
    if (docChanged || update.transactions.some(one => one.annotation(MOVED))) {
      this.decorations = this._makeDecorations();
    }
    if (docChanged || update.selectionSet || update.focusChanged) {
      this._timer ??= setTimeout(() => this._sendCursor(), THROTTLE_MS);
    }
  }

  destroy(): void {
    clearTimeout(this._timer);
    clearTimeout(this._later);
    this._draft.awareness.off('change', this._onMoved);
    this._draft.changed.disconnect(this._onNamesChanged, this);
    if (this._told) {
      this._draft.awareness.setLocalStateField('cursor', null);
    }
  }

  /** Tell the others where this person is. Not at once: the text has to have what was typed. */
  private _sendCursor(): void {
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

  private _onMoved = (
    { added, updated, removed }: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown
  ): void => {
    if (origin !== 'local') {
      [...added, ...updated, ...removed].forEach(client => this._unknown.add(client));
      this._redraw();
    }
  };

  /** Somebody types, or is known by name now. */
  private _onNamesChanged(): void {
    if (this._people !== this._draft.people) {
      this._redraw();
    }
  }

  private _redraw(): void {
    // Not while CodeMirror or the text is in the middle of something.
    this._later ??= setTimeout(() => {
      this._later = undefined;
      const moved = this._readPositions([...this._unknown]);
      if (this._view.dom.isConnected && (moved || this._people !== this._draft.people)) {
        this._view.dispatch({ annotations: MOVED.of(true) });
      }
    }, 0);
  }

  /** Look where these people are now; whether one of them is elsewhere than was drawn. */
  private _readPositions(clients: Iterable<number>): boolean {
    const states = this._draft.awareness.getStates();
    let moved = false;
    for (const client of clients) {
      const cursor = states.get(client)?.cursor as unknown;
      const [anchor, head] = [this._resolveIndex(cursor, 'anchor'), this._resolveIndex(cursor, 'head')];
      const before = this._places.get(client);
      if (anchor === null || head === null) {
        moved = this._places.delete(client) || moved;
        // It may be in a part of the text that is still on its way.
        this._unknown[cursor ? 'add' : 'delete'](client);
        continue;
      }
      this._unknown.delete(client);
      this._places.set(client, { anchor, head });
      moved ||= before?.anchor !== anchor || before.head !== head;
    }
    return moved;
  }

  private _makeDecorations(): DecorationSet {
    this._people = this._draft.people;
    const found: Range<Decoration>[] = [];
    for (const person of this._people) {
      const place = person.me ? undefined : this._places.get(person.client);
      if (place === undefined) {
        continue;
      }
      const { anchor, head } = place;
      if (anchor !== head) {
        const style = `--hitl-person: ${person.color}`;
        const marked = Decoration.mark({ class: 'jp-hitl-selected', attributes: { style } });
        found.push(marked.range(Math.min(anchor, head), Math.max(anchor, head)));
      }
      found.push(
        Decoration.widget({ widget: new CursorWidget(person), side: head > anchor ? -1 : 1 }).range(head)
      );
    }
    return Decoration.set(found, true);
  }

  /** Where one end of somebody's cursor is here; null if that cannot be told. */
  private _resolveIndex(cursor: unknown, end: 'anchor' | 'head'): number | null {
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

  private _places = new Map<number, { anchor: number; head: number }>();
  /** Whose places are to be looked for. */
  private _unknown = new Set<number>();
  private _people: readonly IPerson[] = [];
  private _told = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _later: ReturnType<typeof setTimeout> | undefined;
}

/** A cursor with its owner's name. */
class CursorWidget extends WidgetType {
  constructor(private _person: IPerson) {
    super();
  }

  override eq({ _person: other }: CursorWidget): boolean {
    const { client, name, color, typing } = this._person;
    return client === other.client && name === other.name && color === other.color && typing === other.typing;
  }

  override toDOM(): HTMLElement {
    const node = document.createElement('span');
    node.className = `jp-hitl-cursor${this._person.typing ? ' jp-mod-typing' : ''}`;
    node.style.setProperty('--hitl-person', this._person.color);
    node.setAttribute('aria-hidden', 'true');
    const name = node.appendChild(document.createElement('span'));
    name.textContent = showHiddenCharacters(this._person.name);
    return node;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
