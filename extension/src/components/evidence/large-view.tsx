/**
 * A view above the whole window, for a picture or a table that is too small in a card.
 */

import { type ReactNode, useEffect, useId, useRef } from 'react';
import { IconButton } from '../controls/button';
import type { IHost } from '../host';

interface IProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  host: IHost;
}

/**
 * A modal dialog. The browser keeps the focus inside, closes it by Escape, and gives the focus back. No key reaches
 * the notebook behind it.
 */
export function LargeView({ title, onClose, children, host }: IProps): JSX.Element {
  const node = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const dialog = node.current!;
    const before = document.activeElement;
    const onKey = (event: KeyboardEvent): void => event.stopPropagation();
    const onEnd = (): void => close.current();
    dialog.addEventListener('keydown', onKey);
    dialog.addEventListener('close', onEnd);
    dialog.showModal();
    return () => {
      dialog.removeEventListener('keydown', onKey);
      dialog.removeEventListener('close', onEnd);
      dialog.close();
      if (before instanceof HTMLElement) {
        before.focus({ preventScroll: true });
      }
    };
  }, []);
  return (
    <dialog
      ref={node}
      className="jp-hitl-large"
      aria-labelledby={heading}
      onClick={event => event.target === node.current && onClose()}
    >
      <header>
        <h4 id={heading} className="jp-hitl-grow">
          {title}
        </h4>
        <IconButton icon="cross" label={host.trans.__('Close')} onClick={onClose} />
      </header>
      <div className="jp-hitl-large-body">{children}</div>
    </dialog>
  );
}
