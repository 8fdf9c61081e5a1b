/**
 * The card or workspace that is open beside the list, or in its place, with buttons to go through the list.
 */

import { ReactNode, RefObject, useEffect, useRef } from 'react';
import type { IProposalSummary } from '../api/types';
import { Button } from '../components/controls/button';
import type { IHost } from '../components/host';
import { keyHint, keyShortcuts } from '../components/keys/key-hints';
import { focusCard } from '../components/keys/card-focus';
import { FIELD_SELECTOR, revealField } from '../components/proposal/field-focus';
import { CARD_SELECTOR, DECIDED_SELECTOR } from '../components/review-commands';

/** A part of a card, and how it gets the focus. */
interface IFocusPlace {
  selector: string;
  focus: (part: HTMLElement) => void;
}

const CARD: IFocusPlace = {
  selector: `${CARD_SELECTOR}, ${DECIDED_SELECTOR}`,
  focus: card => (card.contains(document.activeElement) ? undefined : focusCard(card))
};
const EDITOR: IFocusPlace = { selector: FIELD_SELECTOR, focus: focusField };

/** Places for the focus, the best first. A card without an editor, such as one that cannot be edited, gets it itself. */
const CARD_ONLY = [CARD];
const EDITOR_OR_CARD = [EDITOR, CARD];

/** Longest wait for the editor of a card, in milliseconds. */
const EDITOR_WAIT_MS = 5000;

/** The place of the open card in the list, and how to move from it. */
export interface IPosition {
  /** Place of the row, from 1, and number of rows. */
  at: number;
  size: number;
  onMove: (by: 1 | -1) => void;
}

/** The last values of the counters that were followed. */
export interface IHandledRequests {
  edits: number;
  focuses: number;
}

interface IDetailProps {
  opened: Pick<IProposalSummary, 'id' | 'run'>;
  /** Counter; when it increases, the card's editor gets the focus as soon as it exists. */
  edits: number;
  /** Counter; when it increases, the card gets the focus as soon as it exists. */
  focuses: number;
  /** The counters that were followed. They are kept while no card is shown, so that an old request moves no focus. */
  handled: RefObject<IHandledRequests>;
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
}

/** An open card or workspace. */
export function DetailPane(props: IDetailProps): JSX.Element {
  const { opened, host, position, onOpenCell, onClose, onTable, note } = props;
  const { trans } = host;
  const node = useRef<HTMLDivElement>(null);
  useFocusIn(node, props, 'edits', EDITOR_OR_CARD);
  useFocusIn(node, props, 'focuses', CARD_ONLY);
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
  const card = target.closest(CARD.selector);
  return card !== null && card !== target && card.matches(CARD_SELECTOR);
}

function focusField(field: HTMLElement): void {
  revealField(field);
  field.focus();
}

/**
 * When a counter has increased, focus the best of the places in the card. Until that one exists, the next best that does
 * has the focus.
 */
function useFocusIn(
  node: RefObject<HTMLDivElement>,
  { opened, isSettled, handled, ...counters }: IDetailProps,
  counter: keyof IHandledRequests,
  places: readonly IFocusPlace[]
): void {
  const asked = counters[counter];
  const { id } = opened;
  useEffect(() => {
    const root = node.current;
    const done = handled.current;
    if (!root || !done || !isSettled || asked === done[counter]) {
      return;
    }
    let wanted = places;
    // A browser takes the focus from a list that is hidden: that is no move of the person.
    const expected = new Set([document.activeElement, document.body, null]);
    const observer = new MutationObserver(() => look());
    const timer = setTimeout(() => observer.disconnect(), EDITOR_WAIT_MS);
    const stop = (): void => {
      clearTimeout(timer);
      observer.disconnect();
    };
    const look = (): void => {
      const found = wanted.findIndex(({ selector }) => root.querySelector(selector));
      if (!expected.has(document.activeElement)) {
        stop(); // the person has moved the focus since then
      } else if (found >= 0) {
        wanted[found].focus(root.querySelector<HTMLElement>(wanted[found].selector)!);
        expected.add(document.activeElement);
        wanted = wanted.slice(0, found);
      }
      if (wanted.length === 0) {
        stop();
      }
    };
    done[counter] = asked;
    observer.observe(root, { childList: true, subtree: true, attributes: true });
    look();
    return stop;
  }, [node, asked, handled, counter, places, id, isSettled]);
}
