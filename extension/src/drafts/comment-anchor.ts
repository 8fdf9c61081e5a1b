/**
 * What a comment is about: a range of a shared text, named by the characters at its ends, so that it moves with them.
 */

import * as Y from 'yjs';
import type { ICommentTarget, IAnchor, IComment } from '../api/types';
import type { IDraft } from './draft';

/** A piece of a text as it is now. */
export interface ITextRange {
  start: number;
  end: number;
}

/** Most of a quote, and of what stands around it, that is kept. */
export const MAX_QUOTE_CHARS = 2000;
const MAX_CONTEXT_CHARS = 60;

/** What somebody means who has selected this range. */
export function makeCommentTarget(text: Y.Text, { start, end }: ITextRange): ICommentTarget {
  const all = text.toString();
  const place = (index: number, assoc: number): IAnchor['start'] =>
    Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index, assoc)) as IAnchor['start'];
  return {
    anchor: { start: place(start, 0), end: place(end, -1) },
    quote: sliceText(all, start, Math.min(end, start + MAX_QUOTE_CHARS)),
    prefix: sliceText(all, Math.max(0, start - MAX_CONTEXT_CHARS), start),
    suffix: sliceText(all, end, end + MAX_CONTEXT_CHARS)
  };
}

/**
 * Where the text that a comment is about stands now; null if it is gone. Without an anchor it is where the quote stands,
 * if that is one place.
 */
export function locateQuote(
  text: Y.Text,
  { anchor, quote }: Pick<IComment, 'anchor' | 'quote'>
): ITextRange | null {
  if (anchor === null) {
    const all = text.toString();
    const start = quote === '' ? -1 : all.indexOf(quote);
    const alone = start >= 0 && all.indexOf(quote, start + 1) < 0;
    return alone ? { start, end: start + quote.length } : null;
  }
  const [start, end] = [resolvePosition(text, anchor.start), resolvePosition(text, anchor.end)];
  if (start === null || end === null || (start >= end && quote !== '')) {
    return null;
  }
  return { start, end: Math.max(start, end) };
}

/** What the draft would say with a suggestion in it; null if what it is about is gone. */
export function applySuggestion(draft: IDraft, comment: IComment): string | null {
  const text = draft.file?.ysource;
  const range = text && comment.suggestion !== null ? locateQuote(text, comment) : null;
  if (!text || range === null) {
    return null;
  }
  const all = text.toString();
  return all.slice(0, range.start) + comment.suggestion + all.slice(range.end);
}

/** Where a relative position is now; null if that cannot be told. */
function resolvePosition(text: Y.Text, given: unknown): number | null {
  try {
    const position = Y.createRelativePositionFromJSON(given);
    const found = Y.createAbsolutePositionFromRelativePosition(position, text.doc!);
    return found?.type === text ? Math.min(found.index, text.length) : null;
  } catch {
    return null; // another browser made it: whatever it is, it is no place here
  }
}

/** A piece of a text in which no character is cut in half. */
function sliceText(text: string, start: number, end: number): string {
  return text.slice(start, end).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
}
