/**
 * The author of each part of a shared text. It is taken from the server's log, which knows who sent each update. The
 * documents of browsers are not trusted for that.
 */

import * as Y from 'yjs';

/** A part of a peer's clock, from `start` up to `end`, that one author wrote. */
interface IAuthorSpan {
  start: number;
  end: number;
  by: string;
}

/** A part of a text, and its author: "" is the agent; null if the author is not known yet. */
export interface IAuthoredText {
  text: string;
  by: string | null;
}

/** Authors of the parts of a document, collected from its updates. */
export class TextAuthors {
  /** Record `by` as the author of everything in `update` that has no author yet. */
  add(update: Uint8Array, by: string): void {
    for (const struct of Y.decodeUpdate(update).structs) {
      // The third class is for gaps. Not every Yjs version of JupyterLab exports it.
      if (struct instanceof Y.Item || struct instanceof Y.GC) {
        this._add(struct.id.client, { start: struct.id.clock, end: struct.id.clock + struct.length, by });
      }
    }
  }

  /**
   * Split a text into parts of one author each.
   *
   * @param peer - returns the user name of a connected peer, for parts that the log does not have yet.
   */
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

  /** Return the author of what a peer wrote first: a window is one person's. Null if the log does not have it. */
  ownerOf(client: number): string | null {
    return this._spans.get(client)?.[0]?.by ?? null;
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
    // A part of the range has an author already; the rest is new. This happens with merged or reordered updates.
    for (const gap of this._authorOf(client, start, end).filter(one => one.by === null)) {
      spans.splice(findSpanAfter(spans, gap.start), 0, { start: gap.start, end: gap.end, by });
    }
  }

  /** The spans of a peer in a range of its clock, without gaps; `by` is null where the author is not known. */
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

  /** Spans by peer, each list in the order of the clock. */
  private _spans = new Map<number, IAuthorSpan[]>();
}

/** Find the index of the first span that ends after `clock`. */
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
