/**
 * The text range that a comment is about. It is stored as relative positions of Yjs, which move with the characters
 * at both ends.
 */

import * as Y from 'yjs';
import type { ICommentTarget, IAnchor, IComment } from '../api/types';
import type { IDraft } from './draft';

/** A range of a text as it is now, in UTF-16 units. */
export interface ITextRange {
  start: number;
  end: number;
}

/** Longest quote, and longest text before and after it, that a comment keeps. */
export const MAX_QUOTE_CHARS = 2000;
const MAX_CONTEXT_CHARS = 60;

/** Describe a selected range as the target of a new comment. */
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
 * Find the current range of a comment's text; null if that text is gone. A comment without an anchor is found by its
 * quote, if the quote occurs only once.
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

/**
 * Return the draft's text with a suggestion applied; null if the commented text is gone. The draft is not changed.
 */
export function applySuggestion(draft: IDraft, comment: IComment): string | null {
  const text = draft.file?.ysource;
  const range = text && comment.suggestion !== null ? locateQuote(text, comment) : null;
  if (!text || range === null) {
    return null;
  }
  const all = text.toString();
  return all.slice(0, range.start) + comment.suggestion + all.slice(range.end);
}

/** Return the index of a relative position; null if it cannot be resolved. */
function resolvePosition(text: Y.Text, given: unknown): number | null {
  try {
    const position = Y.createRelativePositionFromJSON(given);
    const found = Y.createAbsolutePositionFromRelativePosition(position, text.doc!);
    return found?.type === text ? Math.min(found.index, text.length) : null;
  } catch {
    return null; // made by another browser, so it may be anything
  }
}

/** Return a part of a text without cutting a surrogate pair in half. */
function sliceText(text: string, start: number, end: number): string {
  return text.slice(start, end).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '');
}
