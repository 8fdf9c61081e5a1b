/**
 * The changes of an edit in one line, for collapsed cards and rows.
 */

import { Fragment, type ReactNode, useMemo } from 'react';
import type { IProposal, ITable, Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import { isText } from '../../drafts/sharing-forms';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { countChanges } from './change-count';
import { argumentsOf, valueStyle } from './field-changes';
import { formatStep, StepSign, StepWas } from './list-changes';
import { AddedText, formatValue, isLong, MarkedValue, RemovedText } from './marked-text';
import { diffPaths, fieldLabel, formatPath, type IPathChange } from './path-diff';
import { diffSteps } from './plan-diff';
import { countRows, diffRows, isTable } from './table-diff';
import { diffWords, splitSentences, splitWords } from './text-diff';
import { valueUnit } from '../../api/value-units';

interface IProps {
  proposal: IProposal;
  before: Json;
  after: Json;
  host: IHost;
}

/** Changes that are named; the rest is counted. */
const MAX_NAMED = 3;

/** Longest text that is shown whole. */
const MAX_LENGTH = 60;

/** A short summary: "amount was 1,299 now 1,199, email +1 sentence". Null if there are no changes. */
export function ChangeSummary(props: IProps): JSX.Element | null {
  const { proposal, before, after, host } = props;
  const parts = useMemo(() => summarize({ proposal, before, after, host }), [proposal, before, after, host]);
  if (parts.length === 0) {
    return null;
  }
  const more = parts.length - MAX_NAMED;
  return (
    <span className="jp-hitl-change-summary">
      {parts.slice(0, MAX_NAMED).map((part, i) => (
        <Fragment key={i}>
          {i > 0 && ', '}
          {part}
        </Fragment>
      ))}
      {more > 0 && `, ${host.trans._n('and %1 more', 'and %1 more', more)}`}
    </span>
  );
}

/** The numbers of an edit in words, one text for each sort of change: "2 cells changed", "1 row added". */
export function describeChanges(
  { proposal, before, after }: Omit<IProps, 'host'>,
  { trans }: IHost
): { text: string; tone: 'good' | 'bad' }[] {
  if (valueUnit(proposal.kind) === 'cells' && isTable(before) && isTable(after)) {
    const { cells, added, removed } = countRows(rowsOf(before, after));
    const all = [
      { n: cells, text: trans._n('%1 cell changed', '%1 cells changed', cells), tone: 'good' as const },
      { n: added, text: trans._n('%1 row added', '%1 rows added', added), tone: 'good' as const },
      { n: removed, text: trans._n('%1 row removed', '%1 rows removed', removed), tone: 'bad' as const }
    ];
    return all.filter(({ n }) => n > 0).map(({ text, tone }) => ({ text, tone }));
  }
  const n = countChanges(proposal, before, after);
  return n === 0 ? [] : [{ text: trans._n('%1 change', '%1 changes', n), tone: 'good' }];
}

function summarize({ proposal, before, after, host }: IProps): ReactNode[] {
  const { kind } = proposal;
  if (isSame(before, after)) {
    return [];
  }
  if (isText(kind)) {
    return [<TextSummary before={String(before)} after={String(after)} host={host} />];
  }
  if (valueUnit(kind) === 'cells') {
    return describeChanges({ proposal, before, after }, host).map(({ text }) => text);
  }
  if (valueUnit(kind) === 'steps' && Array.isArray(before) && Array.isArray(after)) {
    return summarizePlan(before, after, host);
  }
  if (valueUnit(kind) === 'option') {
    return [<MarkedValue before={before} after={after} style="form" host={host} />];
  }
  const call = valueUnit(kind) === 'arguments';
  const [old, now] = call ? [argumentsOf(before), argumentsOf(after)] : [before, after];
  const style = valueStyle(proposal);
  return diffPaths(old, now).changes.map(one => (
    <>
      {showHiddenCharacters(
        style === 'form' ? fieldLabel(one.path, call ? null : proposal.schema) : formatPath(one.path)
      )}{' '}
      <FieldSummary change={one} style={style} host={host} />
    </>
  ));
}

function FieldSummary(props: { change: IPathChange; style: 'form' | 'json'; host: IHost }): JSX.Element {
  const { change, style, host } = props;
  const { before, after } = change;
  if (typeof before === 'string' && typeof after === 'string' && isLong(before, after)) {
    return <>{describeText(before, after, host)}</>;
  }
  const long = [before, after].some(
    value => value !== undefined && formatValue(value, style, host).length > MAX_LENGTH
  );
  return long ? (
    <>{host.trans.__('changed')}</>
  ) : (
    <MarkedValue before={before} after={after} style={style} host={host} />
  );
}

function TextSummary({ before, after, host }: { before: string; after: string; host: IHost }): JSX.Element {
  const parts = diffWords(before, after).filter(({ sign }) => sign !== 'same');
  const short = parts.length <= 2 && parts.every(({ text }) => text.length <= MAX_LENGTH);
  if (!short) {
    return <>{describeText(before, after, host)}</>;
  }
  return (
    <>
      {parts.map(({ sign, text }, i) => {
        const Marked = sign === 'removed' ? RemovedText : AddedText;
        return (
          <Fragment key={i}>
            {i > 0 && ' '}
            <Marked host={host}>{showHiddenCharacters(text.trim() || '␣')}</Marked>
          </Fragment>
        );
      })}
    </>
  );
}

/** How a text changed, in numbers: sentences that came or went, else words. */
function describeText(before: string, after: string, { trans }: IHost): string {
  const sentences = splitSentences(after).length - splitSentences(before).length;
  if (sentences > 0) {
    return trans._n('+%1 sentence', '+%1 sentences', sentences);
  }
  if (sentences < 0) {
    return trans._n('−%1 sentence', '−%1 sentences', -sentences);
  }
  const words = { removed: 0, added: 0, same: 0 };
  for (const { sign, text } of diffWords(before, after)) {
    words[sign] += splitWords(text).filter(word => /[\p{L}\p{N}]/u.test(word)).length;
  }
  const most = Math.max(words.removed, words.added);
  return most === 0
    ? trans.__('punctuation or spaces changed')
    : trans._n('%1 word changed', '%1 words changed', most);
}

function summarizePlan(before: Json[], after: Json[], host: IHost): ReactNode[] {
  return diffSteps(before, after)
    .filter(({ sign, moved }) => sign !== 'same' || moved !== null)
    .map(step => {
      const [old, now] = [step.from, step.to];
      const text = formatStep(now === null ? before[old!] : after[now]);
      return (
        <>
          <StepSign step={step} host={host} />{' '}
          {step.sign === 'changed' && text.length <= MAX_LENGTH ? (
            <StepWas before={before[old!]} after={after[now!]} host={host} />
          ) : (
            shorten(text)
          )}
        </>
      );
    });
}

function rowsOf(before: Json, after: Json): ReturnType<typeof diffRows> {
  return diffRows(before as unknown as ITable, after as unknown as ITable);
}

function shorten(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH).trimEnd()}…` : text;
}
