/**
 * A modal dialog that asks before something that cannot be taken back. It is the browser's own `dialog`: the same in
 * JupyterLab and on the review page, and no key reaches the page below.
 */

import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';
import { Button } from '../controls/button';

/** A question before an action. */
export interface IYesNoQuestion {
  title: string;
  body: ReactNode;
  /** Label of the button that does it. */
  accept: string;
  /** Label of the button that does nothing. It has the focus first. */
  cancel: string;
  /** Whether the action ends something for good. */
  danger?: boolean;
}

/** Ask in a modal dialog. Resolves to true if the person agreed; Escape means no. */
export function askConfirmation(question: IYesNoQuestion): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = 'jp-hitl-root jp-hitl-popover jp-hitl-dialog';
  dialog.setAttribute('aria-label', question.title);
  document.body.append(dialog);
  const root = createRoot(dialog);
  return new Promise(resolve => {
    const close = (agreed: boolean): void => {
      dialog.close?.(); // gives the focus back
      root.unmount();
      dialog.remove();
      resolve(agreed);
    };
    dialog.addEventListener('cancel', event => {
      event.preventDefault();
      close(false);
    });
    // Keys of the application below must not see what is typed here.
    dialog.addEventListener('keydown', event => event.stopPropagation());
    flushSync(() => root.render(<Question question={question} onClose={close} />));
    if (dialog.showModal) {
      dialog.showModal();
    } else {
      dialog.setAttribute('open', '');
    }
    dialog.querySelector<HTMLElement>('[data-first]')?.focus();
  });
}

function Question(props: { question: IYesNoQuestion; onClose: (agreed: boolean) => void }): JSX.Element {
  const { question, onClose } = props;
  const { title, body, accept, cancel, danger } = question;
  return (
    <>
      <header>{title}</header>
      <div className="jp-hitl-popover-body">{body}</div>
      <footer>
        <Button variant={danger ? 'danger-primary' : 'primary'} onClick={() => onClose(true)}>
          {accept}
        </Button>
        <Button ref={node => node?.setAttribute('data-first', '')} onClick={() => onClose(false)}>
          {cancel}
        </Button>
      </footer>
    </>
  );
}
