/**
 * The list of waiting proposals, which can be used with the keyboard. Only the visible lines are drawn.
 */

import { useVirtualizer } from '@tanstack/react-virtual';
import { KeyboardEvent, RefObject, useCallback, useEffect, useState } from 'react';
import type { IProposalSummary } from '../api/types';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { InboxModel } from './inbox-model';
import {
  formatAge,
  formatDue,
  collectFacts,
  GroupHeader,
  HEADER_HEIGHT_PX,
  ProposalRow,
  ROW_HEIGHT_PX
} from './proposal-row';
import type { IListGroup, IListLine } from './list-layout';

const MINUTE_MS = 60_000;

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
  const now = useMinuteClock();
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
    (id: string) => {
      list.current?.focus();
      model.toggle(id);
    },
    [model, list]
  );
  const toggleGroup = useCallback((key: string) => model.toggleGroup(key), [model]);

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
    if (event.key === '?' && event.keyCode !== SLASH_KEY_CODE && plain) {
      event.preventDefault();
      event.stopPropagation();
      onShowKeys();
    }
  };

  const line = ({ line: { proposal, group, row, key }, top }: IPlacedLine): JSX.Element =>
    proposal ? (
      <ProposalRow
        key={key}
        proposal={proposal}
        current={proposal.id === current}
        selected={model.isSelected(proposal.id)}
        top={top}
        position={row + 1}
        size={rows.length}
        age={formatAge(proposal, now, host)}
        {...formatDue(proposal, now, host)}
        {...collectFacts(proposal, host)}
        host={host}
        onOpen={open}
        onToggle={toggle}
      />
    ) : (
      <GroupHeader key={key} group={group!} top={top} onToggle={toggleGroup} />
    );
  // After a change there may be fewer lines until the visible part is computed again.
  const drawn = virtual
    .getVirtualItems()
    .filter(({ index }) => index < lines.length)
    .map(({ index, start }) => ({ line: lines[index], top: start }));
  const isDrawn = current !== null && drawn.some(one => one.line.proposal?.id === current);
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
            <div key={group.key} role="group" aria-label={groupLabel(group, host)}>
              {some.map(line)}
            </div>
          ) : (
            some.map(line)
          )
        )}
      </div>
      {lines.length === 0 && (
        <p role="presentation" className="jp-hitl-note">
          {emptyMessage(model, host)}
        </p>
      )}
    </div>
  );
}

function emptyMessage(model: InboxModel, { trans }: IHost): string {
  if (model.mine !== null && model.total > 0 && model.view.mine === 0) {
    return trans._n(
      'Nothing waits for you. %1 other waits for other people.',
      'Nothing waits for you. %1 others wait for other people.',
      model.total
    );
  }
  if (model.total > 0) {
    return trans.__('Nothing that waits fits the search and the filters.');
  }
  return model.loaded
    ? trans.__('Nothing waits for a decision.')
    : model.problem
      ? ''
      : trans.__('Loading …');
}

function groupLabel(group: IListGroup, { trans }: IHost): string {
  const label = showHiddenCharacters(group.label);
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

/** Return the current time, updated every minute. */
function useMinuteClock(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
