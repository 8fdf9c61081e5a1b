/**
 * The pop-ups in which a decision gets its text: the reason of a rejection or an approval, and an answer.
 */

import { type ReactNode, type RefObject, useId } from 'react';
import { Button, type IButtonProps } from '../controls/button';
import type { IconName } from '../controls/icons';
import { Popover } from '../controls/popover';
import type { IHost } from '../host';
import { formatKey } from '../keys/key-hints';
import { SEND_KEY } from '../review-commands';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  anchor: RefObject<HTMLElement>;
  title: string;
  /** The sentence above the field, and the field's name. */
  label: string;
  /** A sentence below the field. */
  note?: ReactNode;
  /** Texts that the agent's author offers. */
  templates?: readonly string[];
  /** The typed text. The caller keeps it, so that it survives closing. */
  text: string;
  onType: (text: string) => void;
  /** The button that decides. */
  action: { text: string; icon: IconName; variant: IButtonProps['variant'] };
  /** Whether an empty text cannot be sent. */
  required?: boolean;
  /** Why nothing can be sent now, or null. */
  blocked: string | null;
  onSend: () => void;
  onClose: () => void;
  host: IHost;
}

/** A pop-up with one text field. */
export function ReasonPopover(props: IProps): JSX.Element {
  const { host, text, templates = [], action, required, blocked } = props;
  const { trans } = host;
  const field = useId();
  const why = useId();
  const missing = required && text.trim() === '' ? trans.__('Write a text first.') : null;
  const problem = blocked ?? missing;
  const send = (): void => {
    if (problem === null) {
      props.onSend();
    }
  };
  return (
    <Popover
      anchor={props.anchor}
      title={props.title}
      onClose={props.onClose}
      onSubmit={send}
      footer={
        <>
          <Button
            icon={action.icon}
            variant={action.variant}
            blockedBy={problem === null ? null : why}
            onClick={send}
          >
            {action.text}
          </Button>
          <Button variant="quiet" onClick={props.onClose}>
            {trans.__('Cancel')}
          </Button>
          <span className="jp-hitl-end jp-hitl-small jp-hitl-muted" id={why}>
            {problem || formatKey(SEND_KEY)}
          </span>
        </>
      }
    >
      <label htmlFor={field}>{props.label}</label>
      <textarea id={field} rows={3} value={text} onChange={event => props.onType(event.target.value)} />
      {templates.length > 0 && (
        <div className="jp-hitl-templates" role="group" aria-label={trans.__('Offered texts')}>
          {templates.map(template => (
            <Button
              key={template}
              small
              pressed={template === text}
              onClick={() => props.onType(template === text ? '' : template)}
            >
              {showHiddenCharacters(template)}
            </Button>
          ))}
        </div>
      )}
      {props.note && <p className="jp-hitl-small jp-hitl-muted">{props.note}</p>}
    </Popover>
  );
}
