/**
 * The menu of a card: where it is, its link, its run.
 */

import { useRef, useState } from 'react';
import type { IProposal } from '../../api/types';
import { IconButton } from '../controls/button';
import { MenuItem } from '../controls/menu-item';
import { Menu } from '../controls/popover';
import type { IHost } from '../host';
import { copyOrSay } from '../keys/announcer';
import { keyHint } from '../keys/key-hints';
import { useCardCommands } from '../use-card-commands';

interface IProps {
  proposal: IProposal;
  host: IHost;
}

/** The button "More" with its menu. */
export function CardMenu({ proposal, host }: IProps): JSX.Element {
  const { trans, openNotebook, openTimeline } = host;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const close = (): void => setOpen(false);
  const link = host.pageUrl?.(proposal.id);
  const copyLink = (): void => void (link && copyOrSay(link, trans));
  const canOpen = openNotebook !== undefined && proposal.path !== null;
  useCardCommands(host, proposal.id, button, {
    'hitl-nb:copy-link': { isEnabled: () => link !== undefined, execute: copyLink },
    'hitl-nb:open-cell': { isEnabled: () => canOpen, execute: () => openNotebook?.(proposal) }
  });
  const closing = (act: () => unknown) => () => {
    close();
    void act();
  };
  return (
    <>
      <IconButton
        ref={button}
        icon="more"
        small
        label={trans.__('More: copy link, go to the cell, timeline')}
        opens="menu"
        expanded={open}
        onClick={() => setOpen(!open)}
      />
      {open && (
        <Menu anchor={button} label={trans.__('More')} onClose={close}>
          {link && (
            <MenuItem icon="copy" keyHint={keyHint(host, 'hitl-nb:copy-link')} onClick={closing(copyLink)}>
              {trans.__('Copy link')}
            </MenuItem>
          )}
          {canOpen && (
            <MenuItem
              icon="open"
              keyHint={keyHint(host, 'hitl-nb:open-cell')}
              onClick={closing(() => openNotebook(proposal))}
            >
              {trans.__('Go to the cell')}
            </MenuItem>
          )}
          {openTimeline && (
            <MenuItem icon="clock" onClick={closing(() => openTimeline(proposal.run))}>
              {trans.__('Timeline')}
            </MenuItem>
          )}
        </Menu>
      )}
    </>
  );
}
