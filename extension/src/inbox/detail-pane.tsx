/**
 * The card or workspace that is open beside the list, or in its place, with buttons to go through the list.
 */

import { ReactNode, RefObject, useEffect, useRef } from 'react';
import type { IProposalSummary } from '../api/types';
import { Button } from '../components/controls/button';
import type { IHost } from '../components/host';
import { keyHint, keyShortcuts } from '../components/keys/key-hints';
import { focusCard } from '../components/keys/card-focus';
import { revealField } from '../components/proposal/field-focus';
import { CARD_SELECTOR, DECIDED_SELECTOR } from '../components/review-commands';

/** The first match in a card is the place where its value is edited. */
const EDITOR_SELECTOR = [
  '.jp-hitl-text [contenteditable="true"]',
  ...['text', 'form', 'choice', 'plan', 'table', 'field', 'value'].flatMap(name =>
    ['input', 'textarea', 'select'].map(tag => `.jp-hitl-${name} ${tag}:enabled`)
  ),
  '.jp-hitl-plan button:enabled',
  '.jp-hitl-table button:enabled'
].join(', ');

const CARDS_SELECTOR = `${CARD_SELECTOR}, ${DECIDED_SELECTOR}`;

/** Longest wait for the editor of a card, in milliseconds. */
const EDITOR_WAIT_MS = 5000;

/** The place of the open card in the list, and how to move from it. */
export interface IPosition {
  /** Place of the row, from 1, and number of rows. */
  at: number;
  size: number;
  onMove: (by: 1 | -1) => void;
}

/** An open card or workspace. */
export function DetailPane(props: {
  opened: Pick<IProposalSummary, 'id' | 'run'>;
  /** Counter; when it increases, the card's editor gets the focus as soon as it exists. */
  edits: number;
  /** Counter; when it increases, the card gets the focus as soon as it exists. */
  decisions: number;
  /** Whether `card` is the card of `opened`. While a person moves through the list, it is an older one for a moment. */
  isSettled: boolean;
  host: IHost;
  card: ReactNode;
  /** Null if the card is not in the list. */
  position: IPosition | null;
  /** Label of the button that opens the cell. */
  cell: string;
  onOpenCell?: () => void;
  /** Absent if the card stays open, beside the list. */
  onClose?: () => void;
  /** Called when the person returns to the list. */
  onLeave: () => void;
  /** Shows the alike proposals as a table; absent if there are none. */
  onTable?: () => void;
  /** Said beside the buttons, such as which rows the keys act on. */
  note?: string;
}): JSX.Element {
  const { opened, host, position, onOpenCell, onClose, onTable, note } = props;
  const { trans } = host;
  const node = useRef<HTMLDivElement>(null);
  useFocusIn(node, props.edits, EDITOR_SELECTOR, focusField, opened.id, props.isSettled);
  useFocusIn(node, props.decisions, CARDS_SELECTOR, focusCard, opened.id, props.isSettled);
  return (
    <div
      ref={node}
      className="jp-hitl-detail"
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.defaultPrevented && !isWithinCard(event.target as Element)) {
          event.stopPropagation();
          props.onLeave();
        }
      }}
    >
      <div className="jp-hitl-detail-bar">
        {onClose && (
          <Button small icon="left" onClick={onClose}>
            {trans.__('Back')}
          </Button>
        )}
        {position && (
          <>
            <Button
              small
              icon={onClose ? undefined : 'left'}
              keyHint={onClose ? undefined : keyHint(host, 'hitl-nb:focus-previous-row')}
              shortcuts={keyShortcuts(host, 'hitl-nb:focus-previous-row')}
              disabled={position.at <= 1}
              onClick={() => position.onMove(-1)}
            >
              {trans.__('Previous')}
            </Button>
            <Button
              small
              icon={onClose ? undefined : 'right'}
              keyHint={onClose ? undefined : keyHint(host, 'hitl-nb:focus-next-row')}
              shortcuts={keyShortcuts(host, 'hitl-nb:focus-next-row')}
              disabled={position.at >= position.size}
              onClick={() => position.onMove(1)}
            >
              {trans.__('Next')}
            </Button>
            <span className="jp-hitl-muted jp-hitl-small jp-hitl-num">
              {trans.__('%1 of %2', position.at, position.size)}
            </span>
          </>
        )}
        {note && <span className="jp-hitl-muted jp-hitl-small">{note}</span>}
        <span className="jp-hitl-grow" />
        {onTable && (
          <Button small icon="table" onClick={onTable}>
            {trans.__('As a table')}
          </Button>
        )}
        {host.openTimeline && (
          <Button small icon="chart" onClick={() => host.openTimeline?.(opened.run)}>
            {trans.__('Timeline')}
          </Button>
        )}
        {onOpenCell && (
          <Button
            small
            icon="open"
            keyHint={onClose ? undefined : keyHint(host, 'hitl-nb:open-cell')}
            shortcuts={keyShortcuts(host, 'hitl-nb:open-cell')}
            onClick={onOpenCell}
          >
            {props.cell}
          </Button>
        )}
      </div>
      {props.card}
    </div>
  );
}

/** Return true for a part of an open card. Escape goes from there to the card first. */
function isWithinCard(target: Element): boolean {
  const card = target.closest(CARDS_SELECTOR);
  return card !== null && card !== target && card.matches(CARD_SELECTOR);
}

function focusField(field: HTMLElement): void {
  revealField(field);
  field.focus();
}

/** Focus a part of the card as soon as it exists, when `asked` has increased. */
function useFocusIn(
  node: RefObject<HTMLDivElement>,
  asked: number,
  selector: string,
  focus: (part: HTMLElement) => void,
  id: string,
  isSettled: boolean
): void {
  const done = useRef(0);
  useEffect(() => {
    const root = node.current;
    if (!root || !isSettled || asked === done.current) {
      return;
    }
    const before = document.activeElement;
    const observer = new MutationObserver(() => look());
    const timer = setTimeout(() => observer.disconnect(), EDITOR_WAIT_MS);
    const stop = (): void => {
      clearTimeout(timer);
      observer.disconnect();
    };
    const look = (): void => {
      const part = root.querySelector<HTMLElement>(selector);
      if (document.activeElement !== before) {
        stop(); // the person has moved the focus since then
      } else if (part) {
        stop();
        focus(part);
      }
    };
    done.current = asked;
    observer.observe(root, { childList: true, subtree: true, attributes: true });
    look();
    return stop;
  }, [node, asked, selector, focus, id, isSettled]);
}
