/**
 * The history of a document: a slider from empty to the newest version, the text at that time, and the author of the
 * change.
 */

import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import type { ITable, Kind } from '../../api/types';
import { listAuthors, type IAuthor } from '../../codemirror/author-colors';
import type { IAuthoredText } from '../../drafts/text-authors';
import type { SharedDocument } from '../../drafts/shared-document';
import { isText, sharingForm } from '../../drafts/sharing-forms';
import type { DraftHistory, IMoment } from '../../models/history';
import { formatAsText } from '../changes/path-diff';
import { ColoredText } from './colored-text';
import type { IHost } from '../host';
import { AuthorLegend, authorName } from '../author-legend';
import { useRedraw } from '../use-redraw';
import { formatWhen } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IDocumentSource, IDocumentTools } from './use-document-tools';

/** The slider over all changes, and the text at the chosen one. */
export function HistoryPanel({ work, host }: { work: IDocumentTools; host: IHost }): JSX.Element {
  const { trans } = host;
  const { subject, draft, history: begun } = work;
  const history = useMemo(() => begun(), [begun]);
  useRedraw(history);
  useHistoryUpdates(work);
  /** Position of the slider; null: always the newest version. */
  const [chosen, setChosen] = useState<number | null>(null);
  // While pages are read, the last complete version stays.
  const whole = useRef(0);
  whole.current = history.isReading ? whole.current : history.replay.length;
  const last = whole.current;
  const place = Math.min(chosen ?? last, last);
  const drawn = useDeferredValue(place);
  const pieces = useMemo(() => authoredTextAt(subject, begun, drawn, last), [subject, begun, drawn, last]);
  const people = draft?.people ?? [];
  const by = listAuthors(history.names, people, subject.agent);
  const wrote = new Map([...by].filter(([name]) => history.names.has(name)));
  const moment = momentLabel(place, history.moments, wrote, subject.workspace, host);
  return (
    <section className="jp-hitl-history" aria-label={trans.__('History')}>
      {history.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(history.problem)}
        </p>
      )}
      {last > 0 && (
        <>
          <input
            type="range"
            min={0}
            max={last}
            value={place}
            aria-label={trans.__('Moment')}
            aria-valuetext={moment}
            // In a notebook the arrow keys would fold headings or move to other cells.
            data-lm-suppress-shortcuts="true"
            onChange={event => {
              const n = Number(event.target.value);
              setChosen(n === last ? null : n);
            }}
          />
          <p className="jp-hitl-moment">{moment}</p>
          <p className="jp-hitl-note">
            {trans.__('Names in a history are unsigned: any program of this user can write them.')}
          </p>
        </>
      )}
      <p className="jp-hitl-note" role="status">
        {history.isReading && last === 0 && trans.__('Reading the history … %1', history.moments.length)}
        {!history.isReading &&
          last === 0 &&
          (subject.workspace
            ? trans.__('Nobody has written anything yet.')
            : trans.__('Nobody has opened it yet. This is the proposed value.'))}
      </p>
      {isText(subject.kind) && last > 0 && <AuthorLegend authors={[...wrote.values()]} host={host} />}
      <ColoredText pieces={pieces} authors={wrote} label={trans.__('Text of this version')} />
    </section>
  );
}

/** Read the log now, and again when the draft has changed. */
function useHistoryUpdates({ history, draft }: IDocumentTools): void {
  useEffect(() => {
    const onDraft = (_: unknown, { value }: { value: boolean }): void => {
      if (value) {
        history().scheduleRead();
      }
    };
    void history().read();
    draft?.changed.connect(onDraft);
    return () => void draft?.changed.disconnect(onDraft);
  }, [history, draft]);
}

/** Return the document's text after the first `n` of `last` updates, with its authors. */
function authoredTextAt(
  subject: IDocumentSource,
  history: () => DraftHistory,
  n: number,
  last: number
): IAuthoredText[] {
  const { replay } = history();
  if (last === 0) {
    return [{ text: formatAsText(subject.value), by: '' }];
  }
  if (n === 0) {
    return [];
  }
  const document = replay.documentAt(n);
  return document.file
    ? replay.authors.splitByAuthor(document.file.ysource)
    : [{ text: documentText(document, subject.kind), by: null }];
}

function documentText({ value, unfinishedText }: SharedDocument, kind: Kind): string {
  if (unfinishedText !== null) {
    return unfinishedText;
  }
  if (sharingForm(kind) === 'table') {
    const { columns, rows } = value as unknown as ITable;
    const lines = [columns.map(one => one.name), ...rows.map(row => row.map(formatAsText))];
    return lines.map(cells => cells.join(' | ')).join('\n');
  }
  return formatAsText(value);
}

/** Describe the change at a position of the slider: its author and time. */
function momentLabel(
  place: number,
  moments: readonly IMoment[],
  by: ReadonlyMap<string, IAuthor>,
  workspace: boolean,
  host: IHost
): string {
  const { trans } = host;
  const moment = moments[place - 1] as IMoment | undefined;
  if (!moment) {
    return trans.__('Empty: before anything was written');
  }
  const author = by.get(moment.by);
  const name = author ? authorName(author, host) : showHiddenCharacters(moment.by);
  return moment.by === '' && place === 1 && !workspace
    ? trans.__('Proposed by %1', name)
    : trans.__('Change %1 of %2: %3, %4', place, moments.length, name, formatWhen(moment.at));
}
