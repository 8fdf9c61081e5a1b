/**
 * Removed and added text: struck and underlined, with words for screen readers.
 */

import { type ReactNode, useMemo, useState } from 'react';
import type { Json } from '../../api/types';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatJson } from './path-diff';
import { diffWords, type IDiffPart, shortenParts } from './text-diff';

/** How values are written: as in a form, or as JSON. */
export type ValueStyle = 'form' | 'json';

/** Numbers whose text in a language would differ in more than grouping and signs are written as JSON. */
const PLAIN_NUMBERS = { least: 1e-6, most: 1e15 };

/** Characters that are shown around a change in a shortened text. */
const SHOWN_AROUND = 40;

/** Length from which a text is compared by word. */
const LONG_TEXT = 40;

/** Text that is no longer there. */
export function RemovedText({ host, children }: { host: IHost; children: ReactNode }): JSX.Element {
  return (
    <del className="jp-hitl-del">
      <span className="jp-hitl-visually-hidden">{host.trans.__('removed:')} </span>
      {children}
    </del>
  );
}

/** Text that is new. */
export function AddedText({ host, children }: { host: IHost; children: ReactNode }): JSX.Element {
  return (
    <ins className="jp-hitl-ins">
      <span className="jp-hitl-visually-hidden">{host.trans.__('added:')} </span>
      {children}
    </ins>
  );
}

/** A text in parts, with what was removed and added in place. */
export function MarkedText({ parts, host }: { parts: readonly IDiffPart[]; host: IHost }): JSX.Element {
  return (
    <>
      {parts.map(({ sign, text }, i) =>
        sign === 'same' ? (
          <span key={i}>{showHiddenCharacters(text)}</span>
        ) : sign === 'removed' ? (
          <RemovedText key={i} host={host}>
            {showSpaces(text)}
          </RemovedText>
        ) : (
          <AddedText key={i} host={host}>
            {showSpaces(text)}
          </AddedText>
        )
      )}
    </>
  );
}

/** A long text whose unchanged parts are cut, with a button to see all of it. */
export function ShortText({
  before,
  after,
  host
}: {
  before: string;
  after: string;
  host: IHost;
}): JSX.Element {
  const [whole, setWhole] = useState(false);
  const parts = useMemo(() => diffWords(before, after), [before, after]);
  const short = useMemo(() => shortenParts(parts, SHOWN_AROUND), [parts]);
  const cut = short.some((part, i) => part !== parts[i]);
  return (
    <>
      <span className="jp-hitl-prose">
        <MarkedText parts={whole ? parts : short} host={host} />
      </span>
      {cut && !whole && (
        <>
          {' '}
          <button type="button" className="jp-hitl-link" onClick={() => setWhole(true)}>
            {host.trans.__('Show all')}
          </button>
        </>
      )}
    </>
  );
}

/** A value before and after: long texts by word, others whole. */
export function MarkedValue(props: {
  before: Json | undefined;
  after: Json | undefined;
  style: ValueStyle;
  host: IHost;
}): JSX.Element {
  const { before, after, style, host } = props;
  if (typeof before === 'string' && typeof after === 'string' && isLong(before, after)) {
    return <ShortText before={before} after={after} host={host} />;
  }
  return (
    <>
      {before !== undefined && (
        <RemovedText host={host}>
          <PlainValue value={before} style={style} host={host} />
        </RemovedText>
      )}{' '}
      {after !== undefined && (
        <AddedText host={host}>
          <PlainValue value={after} style={style} host={host} />
        </AddedText>
      )}
      {before === undefined && <span className="jp-hitl-muted"> {host.trans.__('added')}</span>}
      {after === undefined && <span className="jp-hitl-muted"> {host.trans.__('removed')}</span>}
    </>
  );
}

/** A value as it is written; an empty one says so. */
export function PlainValue(props: { value: Json; style: ValueStyle; host: IHost }): JSX.Element {
  const { value, style, host } = props;
  const text = formatValue(value, style, host);
  return text === '' ? (
    <i className="jp-hitl-muted">{host.trans.__('empty')}</i>
  ) : (
    <span className="jp-hitl-prose">{text}</span>
  );
}

/** Write a value: numbers by locale and yes or no in forms, JSON otherwise. Hidden characters are shown. */
export function formatValue(value: Json, style: ValueStyle, host: IHost): string {
  if (style === 'json') {
    return showHiddenCharacters(formatJson(value));
  }
  switch (typeof value) {
    case 'string':
      return showHiddenCharacters(value);
    case 'number':
      return formatNumber(value);
    case 'boolean':
      return value ? host.trans.__('yes') : host.trans.__('no');
    default:
      return value === null ? '' : showHiddenCharacters(formatJson(value));
  }
}

/** Whether a text is compared by word, because it is long in one of the versions. */
export function isLong(before: string, after: string): boolean {
  return [before, after].some(text => text.length > LONG_TEXT || text.includes('\n'));
}

/** Write a number by locale, with all its digits. */
function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < PLAIN_NUMBERS.least || size >= PLAIN_NUMBERS.most)) {
    return String(value);
  }
  return value.toLocaleString(undefined, { maximumFractionDigits: 20 });
}

/** Show the spaces of a changed part: line breaks, and what consists of spaces alone. */
function showSpaces(text: string): string {
  const shown = showHiddenCharacters(text).replace(/\n/g, '↵\n');
  return /^[ \t]+$/.test(text) ? shown.replace(/ /g, '·').replace(/\t/g, '→') : shown;
}
