/**
 * Bars beside the lines of a text that differ from the proposed one, while it is edited. The words that were removed are
 * in the view of the changes.
 */

import { Chunk } from '@codemirror/merge';
import { type Extension, type Range, StateField, Text } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  type PluginValue,
  ViewPlugin,
  type ViewUpdate
} from '@codemirror/view';

/** Limits of a comparison: a longer one is less exact, so that typing is not delayed. */
const LIMITS = { scanLimit: 500, timeout: 100 };

const CHANGED = Decoration.line({ class: 'jp-hitl-line-changed' });
const REMOVED_BEFORE = Decoration.line({ class: 'jp-hitl-line-removed-before' });
const REMOVED_AFTER = Decoration.line({ class: 'jp-hitl-line-removed-after' });

/**
 * Make the extension that marks changed lines, and the places where lines were removed.
 *
 * @param proposed - the text to compare with.
 */
export function changeBars(proposed: string): Extension {
  const before = Text.of(proposed.split(/\r\n?|\n/));
  const chunks = StateField.define<readonly Chunk[]>({
    create: ({ doc }) => Chunk.build(before, doc, LIMITS),
    update: (found, { docChanged, changes, newDoc }) =>
      docChanged ? Chunk.updateB(found, before, newDoc, changes, LIMITS) : found
  });
  return [
    chunks,
    ViewPlugin.define(view => new BarsPlugin(view, before, chunks), {
      decorations: plugin => plugin.decorations
    })
  ];
}

/** The bars of the lines that are drawn. */
class BarsPlugin implements PluginValue {
  constructor(
    view: EditorView,
    private _before: Text,
    private _chunks: StateField<readonly Chunk[]>
  ) {
    this.decorations = this._makeBars(view);
  }

  decorations: DecorationSet;

  update({ docChanged, viewportChanged, view }: ViewUpdate): void {
    if (docChanged || viewportChanged) {
      this.decorations = this._makeBars(view);
    }
  }

  private _makeBars({ state, viewport }: EditorView): DecorationSet {
    const bars = state
      .field(this._chunks)
      .filter(({ fromB, endB }) => fromB <= viewport.to + 1 && endB >= viewport.from)
      .flatMap(chunk => barsOf(chunk, this._before, state.doc, viewport));
    return Decoration.set(bars, true);
  }
}

/** Return the bars of the lines of a chunk between two positions of the text `now`. */
function barsOf(
  chunk: Chunk,
  before: Text,
  now: Text,
  { from, to }: { from: number; to: number }
): Range<Decoration>[] {
  const [first, last] = changedLines(chunk, before, now);
  if (first > now.lines) {
    return [REMOVED_AFTER.range(now.line(now.lines).from)];
  }
  if (first > last) {
    return [REMOVED_BEFORE.range(now.line(first).from)];
  }
  const found: Range<Decoration>[] = [];
  const end = Math.min(last, now.lineAt(to).number);
  for (let line = Math.max(first, now.lineAt(from).number); line <= end; line++) {
    found.push(CHANGED.range(now.line(line).from));
  }
  return found;
}

/**
 * Return the first and the last changed line of a chunk; if there is none, the first is the one after the removed lines.
 * A chunk at the end of a text begins with an equal line.
 */
function changedLines(chunk: Chunk, before: Text, now: Text): [number, number] {
  let [firstA, lastA] = linesOf(before, chunk.fromA, chunk.toA);
  let [firstB, lastB] = linesOf(now, chunk.fromB, chunk.toB);
  const isLeft = (): boolean => firstA <= lastA && firstB <= lastB;
  while (isLeft() && before.line(firstA).text === now.line(firstB).text) {
    firstA++;
    firstB++;
  }
  while (isLeft() && before.line(lastA).text === now.line(lastB).text) {
    lastA--;
    lastB--;
  }
  return [firstB, lastB];
}

/** Return the numbers of the first and the last line of a range; the last is smaller if the range has no line. */
function linesOf(text: Text, from: number, to: number): [number, number] {
  const first = from > text.length ? text.lines + 1 : text.lineAt(from).number;
  return [first, from < to ? text.lineAt(Math.min(to - 1, text.length)).number : first - 1];
}
