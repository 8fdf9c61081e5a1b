/**
 * The menu of a card: its link, its places, its history, its run.
 */

import { type RefObject, useRef, useState } from 'react';
import type { IProposal, IRun } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { IconButton } from '../controls/button';
import { MenuItem } from '../controls/menu-item';
import { Menu } from '../controls/popover';
import type { IHost } from '../host';
import { announce, copyOrSay } from '../keys/announcer';
import { keyHint } from '../keys/key-hints';
import { ExportItems, useRunExport } from '../runs/run-export';
import { useCardCommands } from '../use-card-commands';

interface IProps {
  proposal: IProposal;
  /** The proposal's run, where known. */
  run: IRun | null;
  host: IHost;
  /** Show the history of the value; absent if it has none. */
  onHistory?: () => void;
}

/** The button "More" with its menu. */
export function CardMenu(props: IProps): JSX.Element {
  const { proposal, run, host } = props;
  const { trans, openNotebook } = host;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState<'menu' | 'export' | null>(null);
  const close = (): void => setOpen(null);
  const link = host.pageUrl?.(proposal.id);
  const copyLink = (): void => void (link && copyOrSay(link, trans));
  const canOpen = openNotebook !== undefined && proposal.path !== null;
  const work = useRunExport(run, host);
  useCardCommands(host, proposal.id, button, {
    'hitl-nb:copy-link': { isEnabled: () => link !== undefined, execute: copyLink },
    'hitl-nb:open-cell': { isEnabled: () => canOpen, execute: () => openNotebook?.(proposal) }
  });
  return (
    <>
      <IconButton
        ref={button}
        icon="more"
        small
        label={trans.__('More about this proposal and its run')}
        opens="menu"
        expanded={open !== null}
        onClick={() => setOpen(open === null ? 'menu' : null)}
      />
      {open === 'menu' && (
        <CardItems
          {...props}
          anchor={button}
          onClose={close}
          onCopyLink={link === undefined ? undefined : copyLink}
          onOpenCell={canOpen ? () => void openNotebook(proposal) : undefined}
          onExport={() => setOpen('export')}
        />
      )}
      {open === 'export' && (
        <Menu anchor={button} label={trans.__('Export this run')} onClose={close}>
          <ExportItems work={work} host={host} onClose={close} />
        </Menu>
      )}
      {work.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(work.problem)}
        </p>
      )}
    </>
  );
}

function CardItems(
  props: IProps & {
    anchor: RefObject<HTMLElement>;
    onClose: () => void;
    onCopyLink?: () => void;
    onOpenCell?: () => void;
    onExport: () => void;
  }
): JSX.Element {
  const { proposal, run, host, anchor, onClose, onCopyLink, onOpenCell, onHistory } = props;
  const { trans, openTimeline, openInInbox } = host;
  const actions = (run && host.runActions?.(run)) ?? null;
  const { cancelRun, restartRun, busy } = actions ?? {};
  const isInInbox = anchor.current?.closest('.jp-hitl-inbox') != null;
  const closing = (act: () => unknown) => () => {
    onClose();
    void act();
  };
  /** Do something with the run, and say why it failed. It asks first. */
  const perform = async (act: () => Promise<void>): Promise<void> => {
    await act.call(actions);
    const problem = (run && host.runActions?.(run)?.problem) ?? '';
    if (problem) {
      announce(showHiddenCharacters(problem), true);
    }
  };
  return (
    <Menu anchor={anchor} label={trans.__('More')} onClose={onClose}>
      {onCopyLink && (
        <MenuItem icon="copy" keyHint={keyHint(host, 'hitl-nb:copy-link')} onClick={closing(onCopyLink)}>
          {trans.__('Copy link')}
        </MenuItem>
      )}
      {onOpenCell && (
        <MenuItem icon="open" keyHint={keyHint(host, 'hitl-nb:open-cell')} onClick={closing(onOpenCell)}>
          {trans.__('Go to the cell')}
        </MenuItem>
      )}
      {openInInbox && proposal.status === 'open' && !isInInbox && (
        <MenuItem icon="bell" onClick={closing(() => openInInbox(proposal.id))}>
          {trans.__('Open in the inbox')}
        </MenuItem>
      )}
      {onHistory && (
        <MenuItem icon="history" onClick={closing(onHistory)}>
          {trans.__('History')}
        </MenuItem>
      )}
      {openTimeline && (
        <MenuItem icon="clock" onClick={closing(() => openTimeline(proposal.run))}>
          {trans.__('Timeline')}
        </MenuItem>
      )}
      {run && (
        <MenuItem icon="download" onClick={props.onExport}>
          {trans.__('Export')}
        </MenuItem>
      )}
      {(cancelRun || restartRun) && <hr />}
      {cancelRun && (
        <MenuItem icon="stop" danger disabled={busy} onClick={closing(() => perform(cancelRun))}>
          {trans.__('Cancel the run…')}
        </MenuItem>
      )}
      {restartRun && (
        <MenuItem icon="restart" danger disabled={busy} onClick={closing(() => perform(restartRun))}>
          {trans.__('Start over…')}
        </MenuItem>
      )}
    </Menu>
  );
}
