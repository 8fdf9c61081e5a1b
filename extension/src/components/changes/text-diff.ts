/**
 * Differences of two texts: by word, for prose and long fields, and by line with marked words, for code.
 */

import { diff } from '@codemirror/merge';

/** A part of a text. Removed parts are only in the text before, added ones only in the text after. */
export interface IDiffPart {
  sign: 'same' | 'removed' | 'added';
  text: string;
}

/** A line of code in a comparison; `before` and `after` are its numbers, which begin at 1. */
export interface ICodeLine {
  sign: 'same' | 'removed' | 'added';
  before: number | null;
  after: number | null;
  pieces: { text: string; marked: boolean }[];
}

/** Effort of a comparison: beyond it the result is less exact, but there in time. */
const EFFORT = { scanLimit: 2000, timeout: 200 };

/** Longest changed middle of two texts that is compared by word, in characters; longer ones by line. */
const MAX_WORD_LENGTH = 60_000;

/** Least share of equal characters of changed lines for which their words are marked. */
const MIN_ALIKE = 0.25;

/** The first UTF-16 unit that represents a token; surrogates are left out, because the library keeps pairs together. */
const FIRST_UNIT = 0x20;
const SURROGATES = { start: 0xd800, count: 0x800 };
const MAX_TOKENS = 0x10000 - SURROGATES.count - FIRST_UNIT;

/** Compare two lists of tokens. Returns the ranges that differ. */
export function diffTokens(
  before: readonly string[],
  after: readonly string[]
): readonly { fromA: number; toA: number; fromB: number; toB: number }[] {
  const units = new Map<string, string>();
  const encode = (tokens: readonly string[]): string =>
    tokens
      .map(token => {
        let unit = units.get(token);
        if (unit === undefined) {
          const at = FIRST_UNIT + units.size;
          unit = String.fromCharCode(at < SURROGATES.start ? at : at + SURROGATES.count);
          units.set(token, unit);
        }
        return unit;
      })
      .join('');
  const [one, other] = [encode(before), encode(after)];
  if (units.size > MAX_TOKENS) {
    return [{ fromA: 0, toA: before.length, fromB: 0, toB: after.length }];
  }
  return diff(one, other, EFFORT);
}

/** Compare two texts by word. Within a change, what was removed comes first. */
export function diffWords(before: string, after: string): IDiffPart[] {
  const { start, end } = commonLines(before, after);
  const [one, other] = [before, after].map(text => text.slice(start, text.length - end));
  const split = Math.max(one.length, other.length) > MAX_WORD_LENGTH ? splitLines : splitWords;
  const [old, now] = [split(one), split(other)];
  const parts: IDiffPart[] = [{ sign: 'same', text: before.slice(0, start) }];
  let at = 0;
  for (const { fromA, toA, fromB, toB } of diffTokens(old, now)) {
    parts.push(
      { sign: 'same', text: old.slice(at, fromA).join('') },
      { sign: 'removed', text: old.slice(fromA, toA).join('') },
      { sign: 'added', text: now.slice(fromB, toB).join('') }
    );
    at = toA;
  }
  parts.push({ sign: 'same', text: old.slice(at).join('') + before.slice(before.length - end) });
  return joinParts(parts);
}

/** Compare two texts by line. Lines that were changed come as removed ones, then added ones, their words marked. */
export function diffLines(before: string, after: string): ICodeLine[] {
  const [old, now] = [before, after].map(text => text.split('\n'));
  const lines: ICodeLine[] = [];
  const keep = (from: number, to: number, shift: number): void => {
    for (let i = from; i < to; i++) {
      const pieces = [{ text: old[i], marked: false }];
      lines.push({ sign: 'same', before: i + 1, after: i + 1 + shift, pieces });
    }
  };
  let [at, shift] = [0, 0];
  for (const { fromA, toA, fromB, toB } of diffTokens(old, now)) {
    keep(at, fromA, shift);
    const [removed, added] = markWords(old.slice(fromA, toA), now.slice(fromB, toB));
    removed.forEach((pieces, i) =>
      lines.push({ sign: 'removed', before: fromA + i + 1, after: null, pieces })
    );
    added.forEach((pieces, i) => lines.push({ sign: 'added', before: null, after: fromB + i + 1, pieces }));
    [at, shift] = [toA, toB - toA];
  }
  keep(at, old.length, shift);
  return lines;
}

/** Count the changes among parts or lines: neighbors that are not the same count once. */
export function countGroups(parts: readonly { sign: string }[]): number {
  return parts.filter(({ sign }, i) => sign !== 'same' && (i === 0 || parts[i - 1].sign === 'same')).length;
}

/**
 * Shorten the same parts to at most `most` characters next to a change, whole words and "…" for the rest.
 */
export function shortenParts(parts: readonly IDiffPart[], most: number): IDiffPart[] {
  return parts.map((part, i) => {
    if (part.sign !== 'same' || part.text.length <= 2 * most) {
      return part;
    }
    const start = i === 0 ? '' : part.text.slice(0, most).replace(/\S*$/, '').trimEnd() + ' ';
    const end = i === parts.length - 1 ? '' : ' ' + part.text.slice(-most).replace(/^\S*/, '').trimStart();
    return { sign: 'same', text: `${start}…${end}`.replace(/\s*\n\s*/g, ' ') };
  });
}

/** Split a text into paragraphs of parts; a text without blank lines into lines. */
export function splitParagraphs(parts: readonly IDiffPart[]): IDiffPart[][] {
  const blank = /(\n[^\S\n]*\n\s*)/;
  const gap = parts.some(({ text }) => blank.test(text)) ? blank : /(\n)/;
  const found: IDiffPart[][] = [[]];
  for (const { sign, text } of parts) {
    // Only text that is in both versions divides it: a removed line break belongs to the change.
    const pieces = sign === 'same' ? text.split(gap) : [text];
    pieces.forEach((piece, i) => {
      if (i % 2 === 1) {
        found.push([]);
      } else if (piece !== '') {
        found[found.length - 1].push({ sign, text: piece });
      }
    });
  }
  return found.filter(one => one.length > 0);
}

/** Split a text into words, and what is between them. */
export function splitWords(text: string): string[] {
  return segment(text, 'word');
}

/** Split a text into sentences. */
export function splitSentences(text: string): string[] {
  return segment(text, 'sentence').filter(one => one.trim() !== '');
}

function segment(text: string, granularity: 'word' | 'sentence'): string[] {
  if (typeof (Intl.Segmenter as unknown) !== 'function') {
    return text.match(granularity === 'word' ? /[\p{L}\p{N}_]+|\s|./gsu : /[^.!?]+[.!?]*\s*/g) ?? [];
  }
  return [...new Intl.Segmenter(undefined, { granularity }).segment(text)].map(one => one.segment);
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Lengths of the whole lines that two texts have in common at the start and at the end. */
function commonLines(before: string, after: string): { start: number; end: number } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start++;
  }
  if (start > 0 && (start < most || before.length !== after.length)) {
    start = before.lastIndexOf('\n', start - 1) + 1;
  }
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end++;
  }
  const line = before.indexOf('\n', before.length - end);
  return { start, end: end === 0 || line < 0 ? 0 : before.length - line };
}

/** Join neighbors of the same sign; spaces alone between two changes belong to both. */
function joinParts(parts: readonly IDiffPart[]): IDiffPart[] {
  const given = parts.filter(({ text }) => text !== '');
  const found: IDiffPart[] = [];
  let [removed, added] = ['', ''];
  const close = (): void => {
    found.push({ sign: 'removed', text: removed }, { sign: 'added', text: added });
    [removed, added] = ['', ''];
  };
  given.forEach(({ sign, text }, i) => {
    const around = [given[i - 1], given[i + 1]] as (IDiffPart | undefined)[];
    const between = /^[^\S\n]+$/.test(text) && around.every(one => one && one.sign !== 'same');
    if (sign === 'same' && !between) {
      close();
      found.push({ sign, text });
      return;
    }
    removed += sign === 'added' ? '' : text;
    added += sign === 'removed' ? '' : text;
  });
  close();
  return found.filter(({ text }) => text !== '');
}

/** Mark the words that differ between removed and added lines. Lines with little in common are not marked. */
function markWords(removed: string[], added: string[]): [ICodeLine['pieces'][], ICodeLine['pieces'][]] {
  if (removed.length === 0 || added.length === 0) {
    return [removed.map(plainLine), added.map(plainLine)];
  }
  const [before, after] = [removed, added].map(lines => lines.join('\n'));
  const parts = diffWords(before, after);
  const alike = parts.reduce(
    (sum, { sign, text }) => sum + (sign === 'same' ? text.replace(/\s/g, '').length : 0),
    0
  );
  if (alike < MIN_ALIKE * Math.min(before.length, after.length)) {
    return [removed.map(plainLine), added.map(plainLine)];
  }
  return [splitMarked(parts, 'removed'), splitMarked(parts, 'added')];
}

function plainLine(text: string): ICodeLine['pieces'] {
  return [{ text, marked: false }];
}

function splitMarked(parts: readonly IDiffPart[], side: 'removed' | 'added'): ICodeLine['pieces'][] {
  const lines: ICodeLine['pieces'][] = [[]];
  for (const { sign, text } of parts.filter(one => one.sign === 'same' || one.sign === side)) {
    text.split('\n').forEach((piece, i) => {
      if (i > 0) {
        lines.push([]);
      }
      if (piece !== '') {
        lines[lines.length - 1].push({ text: piece, marked: sign === side });
      }
    });
  }
  return lines;
}
