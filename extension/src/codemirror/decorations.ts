/**
 * Decorations of all the editors that show one text, made anew when somebody says so. In between they move with the text.
 */

import { Annotation, type Extension } from '@codemirror/state';
import {
  type DecorationSet,
  type EditorView,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate
} from '@codemirror/view';

const REDRAW = Annotation.define<DecorationSource>();

export class DecorationSource {
  /** @param _make - the decorations of a text with this many characters. */
  constructor(private _make: (length: number) => DecorationSet) {
    this.extension = ViewPlugin.define(view => new DecorationPlugin(view, this), {
      decorations: plugin => plugin.decorations
    });
  }

  /** For the editors. */
  readonly extension: Extension;
  /** The editors that there are now. */
  readonly views: ReadonlySet<EditorView> = new Set<EditorView>();

  /** Make all decorations anew. Not to be called while an editor is in the middle of a change. */
  redraw(): void {
    this.views.forEach(view => view.dispatch({ annotations: REDRAW.of(this) }));
  }

  makeDecorations(view: EditorView): DecorationSet {
    return this._make(view.state.doc.length);
  }
}

class DecorationPlugin implements PluginValue {
  constructor(
    private _view: EditorView,
    private _all: DecorationSource
  ) {
    this.decorations = _all.makeDecorations(_view);
    (_all.views as Set<EditorView>).add(_view);
  }

  decorations: DecorationSet;

  update({ docChanged, changes, transactions, view }: ViewUpdate): void {
    if (transactions.some(one => one.annotation(REDRAW) === this._all)) {
      this.decorations = this._all.makeDecorations(view);
    } else if (docChanged) {
      this.decorations = this.decorations.map(changes);
    }
  }

  destroy(): void {
    (this._all.views as Set<EditorView>).delete(this._view);
  }
}
