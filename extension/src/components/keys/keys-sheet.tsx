/**
 * The sheet of keys: what each key does, as the keys are set now, and a switch for keys of one letter.
 */

import { Fragment, type RefObject } from 'react';
import { Popover } from '../controls/popover';
import type { IHost } from '../host';
import { COMMENT_KEY } from '../../codemirror/comment-marks';
import { REVIEW_COMMANDS } from '../review-commands';
import { formatKey, keyHints, useKeyHints } from './key-hints';

/** The pop-up with the keys of the card and the inbox. `anchor` is the button that opened it. */
export function KeysSheet(props: {
  anchor: RefObject<HTMLElement>;
  host: IHost;
  onClose: () => void;
}): JSX.Element {
  const { anchor, host, onClose } = props;
  const { trans, commandTargets: targets } = host;
  useKeyHints(host);
  const commands = REVIEW_COMMANDS.flatMap(({ id, hint }) => {
    const keys = keyHints(host, id);
    return hint && keys.length > 0 ? [{ id, keys, text: hint(trans) }] : [];
  });
  const rows = [...commands, ...editingRows(host)];
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
        {rows.map(({ id, keys, text }) => (
          <Fragment key={id}>
            <dt>
              {keys.map(key => (
                <kbd key={key} className="jp-hitl-kbd">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </Fragment>
        ))}
      </dl>
    </Popover>
  );
}

/** The keys of fields and editors, which are no commands. */
function editingRows({ trans }: IHost): { id: string; keys: string[]; text: string }[] {
  return [
    { id: 'undo', keys: ['Accel Z'], text: trans.__('undo in the draft') },
    { id: 'redo', keys: ['Accel Shift Z', 'Accel Y'], text: trans.__('redo in the draft') },
    { id: 'comment', keys: [COMMENT_KEY], text: trans.__('comment on the selected text') }
  ].map(row => ({ ...row, keys: row.keys.map(formatKey) }));
}
