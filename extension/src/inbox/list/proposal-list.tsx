/**
 * The list of waiting proposals, which can be used with the keyboard. Only the visible lines are drawn.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { KeyboardEvent, RefObject, useCallback, useEffect } from 'react';
import type { IProposalSummary } from '../../api/types';
import { decisionWord } from '../../components/states/decision-word';
import type { IHost } from '../../components/host';
import { MINUTE_MS, useClock } from '../../components/hooks/use-clock';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { InboxModel } from '../stores/inbox-model';
import type { IListGroup, IListLine } from '../stores/list-layout';
import { GroupHeader, HEADER_HEIGHT_PX, ProposalRow, ROW_HEIGHT_PX } from './proposal-row';
import { formatRowTime, type IRowTime, reviewFacts } from './row-texts';

/** `KeyboardEvent.keyCode` of the key that has the slash, and on many keyboards the question mark. */
const SLASH_KEY_CODE = 191;

interface IPlacedLine {
  line: IListLine;
  top: number;
}

/** The rows of the inbox with their keys. */
export function ProposalList(props: {
  model: InboxModel;
  host: IHost;
  list: RefObject<HTMLDivElement>;
  /** Shows or hides the list of the keys. */
  onShowKeys: () => void;
}): JSX.Element {
  const { model, host, list, onShowKeys } = props;
  const { trans } = host;
  const now = useClock(MINUTE_MS);
  const { view, current } = model;
  const { lines, rows } = view;
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => list.current,
    estimateSize: index => (lines[index].proposal ? ROW_HEIGHT_PX : HEADER_HEIGHT_PX),
    // For new lines it must be a new function, so that their heights are measured again.
    getItemKey: useCallback((index: number) => lines[index].key, [lines]),
    overscan: 10
  });
  const open = useCallback((proposal: IProposalSummary) => model.open(proposal), [model]);
  const toggle = useCallback(
    (id: string, range: boolean) => {
      list.current?.focus();
      if (range) {
        model.selectTo(id);
      } else {
        model.toggle(id);
      }
    },
    [model, list]
  );
  const toggleGroup = useCallback((key: string) => model.toggleGroup(key), [model]);
  const showTable = useCallback((key: string) => model.showTable(key), [model]);

  useEffect(() => {
    const reveal = (): void => {
      const place = model.view.places.get(model.current ?? '');
      if (place) {
        virtual.scrollToIndex(place.line);
      }
    };
    model.revealRequested.connect(reveal);
    return () => {
      model.revealRequested.disconnect(reveal);
    };
  }, [model, virtual]);
  // Keys are commands, and are compared by key codes. By them, "?" is found only where it is on the key of the slash.
  const askForKeys = (event: KeyboardEvent): void => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const on = host.commandTargets?.letterKeys !== false;
    if (on && event.key === '?' && event.keyCode !== SLASH_KEY_CODE && plain) {
      event.preventDefault();
      event.stopPropagation();
      onShowKeys();
    }
  };
  const groupName = (group: IListGroup): string => showHiddenCharacters(group.label) || trans.__('Others');
  const timeOf = ({ ended }: IListLine, proposal: IProposalSummary): IRowTime =>
    ended ? { time: endedText(proposal, host), urgency: 'ended' } : formatRowTime(proposal, now, host);

  const drawLine = ({ line, top }: IPlacedLine): JSX.Element => {
    const { proposal, group, row, key, summary, ended } = line;
    return proposal ? (
      <ProposalRow
        key={key}
        proposal={proposal}
        current={proposal.id === current}
        selected={!ended && model.isSelected(proposal.id)}
        top={top}
        position={row + 1}
        size={rows.length}
        summary={summary}
        {...timeOf(line, proposal)}
        facts={ended ? '' : showHiddenCharacters(reviewFacts(proposal, host))}
        placed={!group?.place}
        ended={ended}
        host={host}
        onOpen={open}
        onToggle={toggle}
      />
    ) : (
      <GroupHeader
        key={key}
        group={group!}
        label={groupName(group!)}
        top={top}
        shown={model.table === group!.key}
        host={host}
        onToggle={toggleGroup}
        onTable={showTable}
      />
    );
  };
  // After a change there may be fewer lines until the visible part is computed again.
  const drawn = virtual
    .getVirtualItems()
    .filter(({ index }) => index < lines.length)
    .map(({ index, start }) => ({ line: lines[index], top: start }));
  const isDrawn = current !== null && drawn.some(one => one.line.proposal?.id === current && !one.line.ended);
  return (
    <div
      ref={list}
      className="jp-hitl-list"
      role="listbox"
      tabIndex={0}
      aria-label={trans.__('Proposals that wait')}
      aria-multiselectable="true"
      aria-activedescendant={isDrawn ? `hitl-row-${current}` : undefined}
      onKeyDown={askForKeys}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {groupLines(drawn).map(({ group, lines: some }) =>
          group ? (
            <div key={group.key} role="group" aria-label={groupLabel(group, groupName(group), host)}>
              {some.map(drawLine)}
            </div>
          ) : (
            some.map(drawLine)
          )
        )}
      </div>
    </div>
  );
}

function groupLabel(group: IListGroup, label: string, { trans }: IHost): string {
  return group.collapsed
    ? trans.__('%1, %2 hidden', label, group.count)
    : trans._n('%2, %1 proposal', '%2, %1 proposals', group.count, label);
}

/** Group consecutive lines of the same group. */
function groupLines(drawn: readonly IPlacedLine[]): { group: IListGroup | null; lines: IPlacedLine[] }[] {
  const parts: { group: IListGroup | null; lines: IPlacedLine[] }[] = [];
  for (const one of drawn) {
    const last = parts[parts.length - 1] as (typeof parts)[number] | undefined;
    if (last && last.group === one.line.group) {
      last.lines.push(one);
    } else {
      parts.push({ group: one.line.group, lines: [one] });
    }
  }
  return parts;
}

/** Return the word for a proposal that stays in the list until the next move. */
function endedText(proposal: IProposalSummary, host: IHost): string {
  return proposal.status === 'open' ? host.trans.__('Decided') : decisionWord(proposal, host).text;
}
