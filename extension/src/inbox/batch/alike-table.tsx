/**
 * Alike proposals as a table: what is the same in all of them once, and a column for each field that differs.
 */

import { useEffect, useMemo, useRef, useState } from 'react';
import type { IProposal } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import { Icon } from '../../components/controls/icons';
import type { IHost } from '../../components/host';
import type { CommandArgs } from '../../components/review-commands';
import { anyOf, needLine } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { formatRowTime } from '../list/row-texts';
import { forEachParallel } from '../stores/batch';
import type { InboxModel } from '../stores/inbox-model';
import type { IListGroup } from '../stores/list-layout';
import { changesOf, editorsOf } from '../stores/row-facts';
import { BatchButtons } from './batch-buttons';
import { unseenSentence } from './decide-selection';
import { compareAlike, IAlikeColumn, IAlikeRow, isOutlier, isUnusual, makeAlikeRow } from './alike-fields';
import { useSeenLines } from './seen-lines';
import { OneChange, shortText } from './value-changes';

/** Most rows of the table. */
const MAX_ROWS = 200;

interface IProps {
  group: IListGroup;
  model: InboxModel;
  host: IHost;
  run: (id: string, args?: CommandArgs) => void;
  onLeave: () => void;
}

/** The table of a group. Its rows are selected as those of the list. */
export function AlikeTable(props: IProps): JSX.Element {
  const { group, model, host, run, onLeave } = props;
  const { trans } = host;
  const { rows, problem } = useFullRows(group, host);
  const { same, columns, leftOut } = useMemo(() => compareAlike(rows), [rows]);
  const selectedRows = rows.filter(row => model.isSelected(row.proposal.id));
  const grid = useRef<HTMLDivElement>(null);
  const seen = useSeenLines(
    grid,
    useMemo(() => rows.map(lineOf), [rows])
  );
  const unseen = selectedRows.filter(row => !seen.has(lineOf(row))).length;
  useEffect(() => {
    model.unseen = unseen; // for the keys; the buttons say it themselves
    return () => {
      model.unseen = 0;
    };
  }, [model, unseen]);
  useFirstSelection(rows, columns, model);
  const count = selectedRows.length;
  const blocked = unseen > 0 ? 'hitl-alike-seen' : null;
  const title = showHiddenCharacters(group.label);
  return (
    <div
      className="jp-hitl-detail"
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          event.stopPropagation();
          model.showTable(null);
          onLeave();
        }
      }}
    >
      <div className="jp-hitl-detail-bar">
        <h3>{title}</h3>
        <Chip>{trans.__('%1 alike', group.count)}</Chip>
        <span className="jp-hitl-grow" />
        <Button
          small
          icon="right"
          onClick={() => {
            model.showTable(null);
            onLeave();
          }}
        >
          {trans.__('One by one')}
        </Button>
      </div>
      <div className="jp-hitl-alike">
        <SharedTerms rows={rows} host={host} />
        <div className="jp-hitl-alike-values">
          {problem && <p role="alert">{showHiddenCharacters(problem)}</p>}
          {same.length > 0 && (
            <p>
              <span className="jp-hitl-muted">{trans.__('the same in all')}</span>{' '}
              {same
                .map(({ title: name, value }) => showHiddenCharacters(`${name} ${shortText(value)}`.trim()))
                .join(', ')}
            </p>
          )}
          <div
            ref={grid}
            className="jp-hitl-alike-grid"
            tabIndex={0}
            role="region"
            aria-label={trans.__('%1 proposals that are alike', rows.length)}
          >
            <table>
              <Head columns={columns} rows={rows} model={model} host={host} />
              <tbody>
                {rows.map(row => (
                  <Row key={row.proposal.id} row={row} columns={columns} model={model} host={host} />
                ))}
              </tbody>
            </table>
          </div>
          <LeftOut fields={leftOut} rows={rows.length > 0 ? group.count - rows.length : 0} host={host} />
          <p className="jp-hitl-small jp-hitl-muted">
            {[...sums(selectedRows, columns, host), ...limit(rows, host)].join(' ')}
          </p>
        </div>
        <div className="jp-hitl-alike-bar">
          <BatchButtons count={count} host={host} blockedBy={blocked} run={run} />
          <span id="hitl-alike-seen" className="jp-hitl-end jp-hitl-small jp-hitl-muted" role="status">
            {rows.length === 0
              ? trans.__('Reading …')
              : unseen > 0
                ? unseenSentence(unseen, host)
                : trans.__('All selected rows were on screen')}
          </span>
        </div>
      </div>
    </div>
  );
}

/** Names the fields that differ and have no column, and counts the rows that are not in the table. */
function LeftOut(props: { fields: readonly string[]; rows: number; host: IHost }): JSX.Element | null {
  const { fields, rows, host } = props;
  const { trans } = host;
  return fields.length === 0 && rows <= 0 ? null : (
    <p className="jp-hitl-note">
      {fields.length > 0 &&
        trans.__(
          'These fields differ, too, and have no column: %1.',
          fields.map(showHiddenCharacters).join(', ')
        )}{' '}
      {rows > 0 && trans._n('%1 more is not in this table.', '%1 more are not in this table.', rows)}
    </p>
  );
}

/** Why all of them were asked, and what they need. */
function SharedTerms({ rows, host }: { rows: readonly IAlikeRow[]; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const first = rows[0]?.proposal as IProposal | undefined;
  if (!first) {
    return null;
  }
  const inAll = (sentence: string): boolean => rows.every(({ proposal }) => proposal.why.includes(sentence));
  const why = ((first.why as readonly string[] | undefined) ?? []).filter(inAll);
  const needs = (first.needs as IProposal['needs'] | undefined) ?? [];
  const rules = (first.rules as readonly string[] | undefined) ?? [];
  if (why.length + needs.length === 0) {
    return null;
  }
  return (
    <div className="jp-hitl-alike-terms">
      {why.length > 0 && (
        <span>
          <Icon name="question" /> {trans.__('All asked because')}{' '}
          <b>{showHiddenCharacters(why.join('; '))}</b>{' '}
          {rules.map(rule => (
            <Chip key={rule} outlined icon="shield">
              {showHiddenCharacters(rule)}
            </Chip>
          ))}
        </span>
      )}
      {needs.map(need => {
        const line = needLine(need, host);
        return line === null ? null : (
          <span key={need.text}>
            <Icon name="people" /> <b>{line.have}</b> {trans.__('%1, each', line.from)}
          </span>
        );
      })}
    </div>
  );
}

function Head(props: {
  columns: readonly IAlikeColumn[];
  rows: readonly IAlikeRow[];
  model: InboxModel;
  host: IHost;
}): JSX.Element {
  const { columns, rows, model, host } = props;
  const { trans } = host;
  const ids = rows.filter(row => !row.proposal.doubt).map(row => row.proposal.id);
  const all = ids.length > 0 && ids.every(id => model.isSelected(id));
  return (
    <thead>
      <tr>
        <th scope="col">
          <input
            type="checkbox"
            aria-label={trans.__('Select all %1', ids.length)}
            checked={all}
            onChange={() => model.select(all ? [] : ids)}
          />
        </th>
        <th scope="col">{trans.__('proposal')}</th>
        {columns.map(({ name, title, numeric }) => (
          <th key={name} scope="col" className={numeric ? 'jp-mod-number' : undefined}>
            {showHiddenCharacters(title) || trans.__('value')}
          </th>
        ))}
        <th scope="col">{trans.__('due')}</th>
        <th scope="col">
          <span className="jp-hitl-visually-hidden">{trans.__('Signs')}</span>
        </th>
      </tr>
    </thead>
  );
}

/** The key of a row: another one after what it shows has changed. */
function lineOf({ proposal, draft }: IAlikeRow): string {
  return `${proposal.id} ${proposal.revision} ${proposal.fingerprint} ${JSON.stringify(draft)}`;
}

function Row(props: {
  row: IAlikeRow;
  columns: readonly IAlikeColumn[];
  model: InboxModel;
  host: IHost;
}): JSX.Element {
  const { row, columns, model, host } = props;
  const { trans } = host;
  const { proposal } = row;
  const title = showHiddenCharacters(proposal.title);
  const { time, urgency } = formatRowTime(proposal, Date.now(), host);
  const outlier = isOutlier(row, columns);
  const by = anyOf(editorsOf(proposal).slice(0, 3), trans);
  return (
    <tr data-line={lineOf(row)}>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Select %1', title)}
          checked={model.isSelected(proposal.id)}
          disabled={!!proposal.doubt}
          onChange={() => model.toggle(proposal.id)}
        />
      </td>
      <th scope="row">
        <button
          type="button"
          className="jp-hitl-link"
          onClick={() => {
            const found = model.find(proposal.id);
            if (found) {
              model.open(found);
            }
          }}
        >
          {title}
        </button>
      </th>
      {columns.map(column => (
        <td key={column.name} className={column.numeric ? 'jp-mod-number' : undefined}>
          <Cell row={row} column={column} host={host} />
        </td>
      ))}
      <td>
        <time className={`jp-mod-${urgency}`}>{time}</time>
      </td>
      <td>
        {row.draft && (
          <Chip tone="warn" icon="pencil">
            {by ? trans.__('edited by %1', by) : trans.__('edited')}
          </Chip>
        )}
        {outlier && !model.isSelected(proposal.id) && (
          <Chip tone="warn">{trans.__('another %1, left out', showHiddenCharacters(outlier.title))}</Chip>
        )}
        {proposal.doubt && <Chip tone="warn">{trans.__('In doubt')}</Chip>}
      </td>
    </tr>
  );
}

/** One value: changes with their old value, unusual ones bold. */
function Cell({ row, column, host }: { row: IAlikeRow; column: IAlikeColumn; host: IHost }): JSX.Element {
  const value = shortText(row.fields[column.name] ?? '');
  const draft = row.draft && shortText(row.draft[column.name] ?? '');
  if (draft !== null && draft !== value) {
    return <OneChange change={{ label: '', before: value, after: draft }} host={host} />;
  }
  const text = showHiddenCharacters(value);
  return isUnusual(row, column) ? <b>{text}</b> : <>{text}</>;
}

/** The sums of the number columns over the selected rows, with their drafts. */
function sums(rows: readonly IAlikeRow[], columns: readonly IAlikeColumn[], { trans }: IHost): string[] {
  return rows.length === 0
    ? []
    : columns
        .filter(column => column.numeric)
        .map(({ name, title }) => {
          const sum = rows.reduce((all, row) => all + Number((row.draft ?? row.fields)[name] ?? 0), 0);
          return trans.__('Sum of %1: %2.', showHiddenCharacters(title), sum.toLocaleString());
        });
}

function limit(rows: readonly IAlikeRow[], { trans }: IHost): string[] {
  const batch = Math.min(...rows.map(({ proposal }) => proposal.batch ?? Infinity));
  return batch === Infinity ? [] : [trans.__('At most %1 are decided at once.', batch)];
}

/** Read the proposals of a group in full, and again when one of them changes. */
function useFullRows(group: IListGroup, { client }: IHost): { rows: readonly IAlikeRow[]; problem: string } {
  const [found, setFound] = useState<readonly IAlikeRow[]>([]);
  const [problem, setProblem] = useState('');
  const wanted = group.alike.slice(0, MAX_ROWS);
  const key = wanted.map(p => `${p.id} ${p.revision} ${JSON.stringify(changesOf(p))}`).join('\n');
  const waiting = useRef(wanted);
  waiting.current = wanted;
  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      const rows = new Map<string, IAlikeRow>();
      await forEachParallel(waiting.current, async ({ id }) => {
        rows.set(id, makeAlikeRow(await client.getProposal(id)));
      });
      if (!gone) {
        setFound(waiting.current.flatMap(({ id }) => rows.get(id) ?? []));
        setProblem('');
      }
    };
    read().catch((reason: unknown) => {
      if (!gone) {
        setProblem(reason instanceof Error ? reason.message : String(reason));
      }
    });
    return () => {
      gone = true;
    };
  }, [client, key]);
  return { rows: found, problem };
}

/** At first all rows are selected, except those in doubt and those that differ in a field that a rule reads. */
function useFirstSelection(
  rows: readonly IAlikeRow[],
  columns: readonly IAlikeColumn[],
  model: InboxModel
): void {
  const done = useRef(false);
  useEffect(() => {
    if (!done.current && rows.length > 0) {
      done.current = true;
      model.select(
        rows
          .filter(row => !row.proposal.doubt && isOutlier(row, columns) === null)
          .map(row => row.proposal.id)
      );
    }
  }, [rows, columns, model]);
}
