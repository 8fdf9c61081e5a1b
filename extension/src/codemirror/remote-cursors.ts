/**
 * Cursors and selections of other people in a shared text, with their names; and the own cursor, sent to the others.
 * Positions are relative to the text's characters, so they move with the text.
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

/** Milliseconds for which moves of the own cursor are collected before it is sent. It moves with every keystroke. */
const THROTTLE_MS = 50;

const MOVED = Annotation.define<boolean>();

/** Show the cursors of others in an editor that is bound to the draft's file, and send the own cursor. */
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
      // Resolving a position takes longer in a longer text. So known positions are mapped through the change.
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

  /** Send the own cursor to the others. It waits for the typed text, which must be in the document before. */
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

  /** Redraw after a person started or stopped typing, or became known by name. */
  private _onNamesChanged(): void {
    if (this._people !== this._draft.people) {
      this._redraw();
    }
  }

  private _redraw(): void {
    // CodeMirror must not be updated during an update, nor while the text is being changed.
    this._later ??= setTimeout(() => {
      this._later = undefined;
      const moved = this._readPositions([...this._unknown]);
      if (this._view.dom.isConnected && (moved || this._people !== this._draft.people)) {
        this._view.dispatch({ annotations: MOVED.of(true) });
      }
    }, 0);
  }

  /** Resolve the positions of these clients. Returns true if one of them differs from what is drawn. */
  private _readPositions(clients: Iterable<number>): boolean {
    const states = this._draft.awareness.getStates();
    let moved = false;
    for (const client of clients) {
      const cursor = states.get(client)?.cursor as unknown;
      const [anchor, head] = [this._resolveIndex(cursor, 'anchor'), this._resolveIndex(cursor, 'head')];
      const before = this._places.get(client);
      if (anchor === null || head === null) {
        moved = this._places.delete(client) || moved;
        // The position may be in a part of the text that has not arrived yet.
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

  /** Resolve one end of a client's cursor to an index; null if that is not possible. */
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
      return null; // sent by another browser, so it may be anything
    }
  }

  private _places = new Map<number, { anchor: number; head: number }>();
  /** Clients whose positions are still to be resolved. */
  private _unknown = new Set<number>();
  private _people: readonly IPerson[] = [];
  private _told = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _later: ReturnType<typeof setTimeout> | undefined;
}

/** A cursor with the person's name. */
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
