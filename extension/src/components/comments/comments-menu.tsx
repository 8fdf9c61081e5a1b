/**
 * The menu of the comments: what is done to several of them at once.
 */

import { useRef, useState } from 'react';
import type { IComment } from '../../api/types';
import type { CommentMarks } from '../../codemirror/comment-marks';
import type { IDraft } from '../../drafts/draft';
import type { IDiscussion } from '../../models/discussion';
import { IconButton } from '../controls/button';
import { MenuItem } from '../controls/menu-item';
import { Menu } from '../controls/popover';
import type { IHost } from '../host';
import { useSend } from './comment-form';

interface IProps {
  discussion: IDiscussion;
  marks: CommentMarks | null;
  /** The draft that suggestions are applied to; null if it cannot be edited now. */
  draft: IDraft | null;
  host: IHost;
}

/** The button "More" with its menu. Nothing is drawn while there are no two suggestions to accept. */
export function CommentsMenu({ discussion, marks, draft, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [sending, send] = useSend();
  const found = discussion.comments.filter(one => canAccept(one, marks));
  if (draft === null || host.readOnly !== null || found.length < 2) {
    return null;
  }
  const acceptAll = async (): Promise<void> => {
    for (const one of found) {
      if (!(await discussion.accept(one, draft))) {
        return; // the comments say why; the rest stays open
      }
      draft.closeUndoStep();
    }
  };
  const close = (): void => setOpen(false);
  return (
    <>
      <IconButton
        ref={button}
        icon="more"
        small
        label={trans.__('More for the comments')}
        opens="menu"
        expanded={open}
        disabled={sending}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <Menu anchor={button} label={trans.__('More for the comments')} onClose={close}>
          <MenuItem
            icon="check"
            onClick={() => {
              close();
              void send(acceptAll);
            }}
          >
            {trans.__('Accept all %1 suggestions', found.length)}
          </MenuItem>
        </Menu>
      )}
    </>
  );
}

/** Return true for an open suggestion whose text is still there. */
function canAccept({ id, state, thread, suggestion }: IComment, marks: CommentMarks | null): boolean {
  return state === 'open' && thread === '' && suggestion !== null && !!marks?.places.get(id);
}
