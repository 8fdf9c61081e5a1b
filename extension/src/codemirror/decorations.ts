/**
 * Decorations shared by all editors of one text. They are computed again on request; between requests they move with
 * the text.
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

/** Source of the decorations of all editors that show one text. */
export class DecorationSource {
  /** @param _make - returns the decorations of a text with this many characters. */
  constructor(private _make: (length: number) => DecorationSet) {
    this.extension = ViewPlugin.define(view => new DecorationPlugin(view, this), {
      decorations: plugin => plugin.decorations
    });
  }

  /** The extension for the editors. */
  readonly extension: Extension;
  /** The editors that exist now. */
  readonly views: ReadonlySet<EditorView> = new Set<EditorView>();

  /** Compute all decorations again. Do not call this while an editor applies a change. */
  redraw(): void {
    this.views.forEach(view => view.dispatch({ annotations: REDRAW.of(this) }));
  }

  /** Compute the decorations of one editor. */
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
