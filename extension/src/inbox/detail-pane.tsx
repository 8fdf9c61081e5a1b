/**
 * The card or workspace that is open below the list, with buttons for its cell and its run.
 */

import { ReactNode, RefObject, useEffect, useRef } from 'react';
import type { IProposalSummary } from '../api/types';
import type { IHost } from '../components/host';

/** The first match in a card is the place where its value is edited. */
const EDITOR_SELECTOR = [
  '.jp-hitl-text [contenteditable="true"]',
  ...['text', 'form', 'choice', 'plan', 'table', 'field'].flatMap(name =>
    ['input', 'textarea', 'select'].map(tag => `.jp-hitl-${name} ${tag}:enabled`)
  ),
  '.jp-hitl-plan button:enabled',
  '.jp-hitl-table button:enabled'
].join(', ');

/** Longest wait for the editor of a card, in milliseconds. */
const EDITOR_WAIT_MS = 5000;

/** An open card or workspace. */
export function DetailPane(props: {
  opened: Pick<IProposalSummary, 'id' | 'run'>;
  /** Counter; when it increases, the card's editor gets the focus as soon as it exists. */
  edits: number;
  host: IHost;
  card: ReactNode;
  /** Label of the button that opens the cell. */
  cell: string;
  onOpenCell?: () => void;
  onClose: () => void;
  /** Called when the person returns to the list. */
  onLeave: () => void;
}): JSX.Element {
  const { opened, host, onOpenCell } = props;
  const { trans } = host;
  const node = useRef<HTMLDivElement>(null);
  useFocusInEditor(node, props.edits, opened.id);
  return (
    <div
      ref={node}
      className="jp-hitl-detail"
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          event.stopPropagation();
          props.onLeave();
        }
      }}
    >
      <div className="jp-hitl-buttons">
        {onOpenCell && (
          <button type="button" onClick={onOpenCell}>
            {props.cell}
          </button>
        )}
        {host.openTimeline && (
          <button type="button" onClick={() => host.openTimeline?.(opened.run)}>
            {trans.__('Timeline')}
          </button>
        )}
        <button type="button" onClick={props.onClose}>
          {trans.__('Close')}
        </button>
      </div>
      {props.card}
    </div>
  );
}

function useFocusInEditor(node: RefObject<HTMLDivElement>, edits: number, id: string): void {
  const done = useRef(0);
  useEffect(() => {
    const root = node.current;
    if (!root || edits === done.current) {
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
      const editor = root.querySelector<HTMLElement>(EDITOR_SELECTOR);
      if (document.activeElement !== before) {
        stop(); // the person has moved the focus since then
      } else if (editor) {
        stop();
        editor.focus();
      }
    };
    done.current = edits;
    observer.observe(root, { childList: true, subtree: true, attributes: true });
    look();
    return stop;
  }, [node, edits, id]);
}
