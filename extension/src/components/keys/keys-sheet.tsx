/**
 * The sheet of keys: what each key does, as the keys are set now, and a switch for keys of one letter.
 */

import { Fragment, type RefObject } from 'react';
import { Popover } from '../controls/popover';
import type { IHost } from '../host';
import { REVIEW_COMMANDS } from '../review-commands';
import { keyHint, useKeyHints } from './key-hints';

/** The pop-up with the keys of the card and the inbox. `anchor` is the button that opened it. */
export function KeysSheet(props: {
  anchor: RefObject<HTMLElement>;
  host: IHost;
  onClose: () => void;
}): JSX.Element {
  const { anchor, host, onClose } = props;
  const { trans, commandTargets: targets } = host;
  useKeyHints(host);
  const rows = REVIEW_COMMANDS.flatMap(({ id, hint }) => {
    const key = keyHint(host, id);
    return hint && key ? [{ id, key, text: hint(trans) }] : [];
  });
  const footer = (
    <label>
      <input
        type="checkbox"
        checked={targets?.letterKeys ?? true}
        onChange={event => {
          if (targets) {
            targets.letterKeys = event.target.checked;
          }
        }}
      />
      {trans.__('Use one-letter keys')}
    </label>
  );
  return (
    <Popover
      anchor={anchor}
      onClose={onClose}
      title={trans.__('Keys of the card and the inbox')}
      footer={footer}
    >
      <dl className="jp-hitl-keys">
        {rows.map(({ id, key, text }) => (
          <Fragment key={id}>
            <dt>
              <kbd className="jp-hitl-kbd">{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </Fragment>
        ))}
      </dl>
    </Popover>
  );
}
