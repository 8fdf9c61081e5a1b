/**
 * Who wrote what in a shared document: by the log, which knows whose each update was, and not by what the documents of
 * browsers say of themselves.
 */

import * as Y from 'yjs';

/** What one author wrote as one peer of the document: its clock from `start` up to `end`. */
interface IAuthorSpan {
  start: number;
  end: number;
  by: string;
}

/** A piece of a text, and its author: "" is the agent; null if it is not known yet. */
export interface IAuthoredText {
  text: string;
  by: string | null;
}

export class TextAuthors {
  /** What an update brings that is not known yet was written by its author. */
  add(update: Uint8Array, by: string): void {
    for (const struct of Y.decodeUpdate(update).structs) {
      // A third class is gaps; not every Yjs that JupyterLab brings names it.
      if (struct instanceof Y.Item || struct instanceof Y.GC) {
        this._add(struct.id.client, { start: struct.id.clock, end: struct.id.clock + struct.length, by });
      }
    }
  }

  /** A text in pieces, each of one author. */
  splitByAuthor(text: Y.Text, peer: (client: number) => string | null = () => null): IAuthoredText[] {
    const found: IAuthoredText[] = [];
    for (let item = text._start; item !== null; item = item.right) {
      if (item.deleted || !(item.content instanceof Y.ContentString)) {
        continue;
      }
      const { str } = item.content;
      const { client, clock } = item.id;
      for (const { start, end, by } of this._authorOf(client, clock, clock + str.length)) {
        const piece = { text: str.slice(start - clock, end - clock), by: by ?? peer(client) };
        const last = found[found.length - 1] as IAuthoredText | undefined;
        if (last?.by === piece.by) {
          last.text += piece.text;
        } else {
          found.push(piece);
        }
      }
    }
    return found;
  }

  private _add(client: number, { start, end, by }: IAuthorSpan): void {
    const spans = this._spans.get(client) ?? [];
    this._spans.set(client, spans);
    const last = spans[spans.length - 1] as IAuthorSpan | undefined;
    if (!last || last.end <= start) {
      if (last && last.end === start && last.by === by) {
        last.end = end;
      } else {
        spans.push({ start, end, by });
      }
      return;
    }
    // A part of it is known: what is not, is new. Comes with updates that were merged, or kept in another order.
    for (const gap of this._authorOf(client, start, end).filter(one => one.by === null)) {
      spans.splice(findSpanAfter(spans, gap.start), 0, { start: gap.start, end: gap.end, by });
    }
  }

  /** What a peer wrote in this range of its clock, without gaps. */
  private _authorOf(
    client: number,
    start: number,
    end: number
  ): { start: number; end: number; by: string | null }[] {
    const spans = this._spans.get(client) ?? [];
    const found: { start: number; end: number; by: string | null }[] = [];
    let at = start;
    for (let i = findSpanAfter(spans, start); i < spans.length && spans[i].start < end; i++) {
      if (spans[i].start > at) {
        found.push({ start: at, end: spans[i].start, by: null });
      }
      at = Math.min(end, spans[i].end);
      found.push({ start: Math.max(start, spans[i].start), end: at, by: spans[i].by });
    }
    return at < end ? [...found, { start: at, end, by: null }] : found;
  }

  /** By peer, in the order of its clock. */
  private _spans = new Map<number, IAuthorSpan[]>();
}

/** The index of the first span that ends after `clock`. */
function findSpanAfter(spans: readonly IAuthorSpan[], clock: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].end <= clock) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
