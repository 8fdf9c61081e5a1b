/**
 * The commands of the inbox: its buttons and its keys run these.
 */

import type { IProposalSummary } from '../api/types';
import type { IHost } from '../components/host';
import type { CommandArgs, CommandHandlers, ICommandHandler } from '../components/review-commands';
import { approveByKey, askConfirmation, findCardApproval } from './batch/decide-selection';
import { makeRowCardHandlers } from './row-card-commands';
import { INBOX_VIEWS, type InboxModel } from './stores/inbox-model';
import { votingName } from './stores/voter';

/** Opens the notebook of a proposal or a workspace at its cell. */
export type OpenCell = (of: Pick<IProposalSummary, 'path' | 'agent'>) => void;

/** The actions of the panel that commands run. */
export interface IPanelActions {
  /** Absent where there are no notebooks. */
  openCell?: OpenCell;
  /** The element of the panel. */
  node(): Element | null;
  /** Give the search field the focus. */
  focusSearch(): void;
  /** Whether the key of the command is held down. */
  isRepeated(): boolean;
}

/** Make the handlers of the inbox's commands. */
export function makeInboxHandlers(model: InboxModel, host: IHost, panel: IPanelActions): CommandHandlers {
  const { openCell } = panel;
  const hasRows = (): boolean => model.showsWaiting && model.shown.length > 0;
  const hasGroups = (): boolean => model.showsWaiting && model.view.groups.length > 0;
  const move = (by: number, selects = false): ICommandHandler => ({
    isEnabled: hasRows,
    execute: () => {
      const from = model.current;
      model.move(by);
      if (selects && from !== null && model.current !== null) {
        model.selectBetween(from, model.current);
      }
      model.revealCurrent();
    }
  });
  const find = ({ proposal }: CommandArgs): IProposalSummary | null =>
    typeof proposal === 'string' ? model.find(proposal) : model.currentProposal;
  const about = (act: (proposal: IProposalSummary) => void, able = true): ICommandHandler => ({
    isEnabled: args => able && find(args) !== null,
    execute: args => {
      const proposal = find(args);
      if (proposal) {
        act(proposal);
      }
    }
  });
  return {
    ...makeRowCardHandlers(model, host, () => panel.node()),
    'hitl-nb:focus-next-row': move(1),
    'hitl-nb:focus-previous-row': move(-1),
    'hitl-nb:focus-first-row': move(-Infinity),
    'hitl-nb:focus-last-row': move(Infinity),
    'hitl-nb:select-next-row': move(1, true),
    'hitl-nb:select-previous-row': move(-1, true),
    'hitl-nb:collapse-group': { isEnabled: hasGroups, execute: () => model.collapse() },
    'hitl-nb:expand-group': {
      isEnabled: hasGroups,
      execute: () => {
        model.expand();
        model.revealCurrent();
      }
    },
    'hitl-nb:select-proposal': about(proposal => model.toggle(proposal.id)),
    'hitl-nb:select-to-proposal': about(proposal => model.selectTo(proposal.id)),
    'hitl-nb:approve-proposals': {
      isEnabled: () => model.targets.length > 0,
      execute: () => approveByKey(model, host, panel.node(), panel.isRepeated()),
      isDecision: () => findCardApproval(model, host, panel.node()) !== null
    },
    'hitl-nb:reject-proposals': {
      isEnabled: () => model.targets.length > 0,
      execute: () => askConfirmation(model, host, 'reject')
    },
    'hitl-nb:open-proposal': about(proposal => model.open(proposal)),
    'hitl-nb:edit-proposal': about(proposal => model.open(proposal, true)),
    'hitl-nb:open-cell': about(proposal => openCell?.(proposal), openCell !== undefined),
    'hitl-nb:close-proposal': {
      isEnabled: () => true,
      execute: () => closeOne(model)
    },
    'hitl-nb:show-keys': { isEnabled: () => true, execute: () => (model.help = !model.help) },
    'hitl-nb:search-proposals': { isEnabled: () => model.showsWaiting, execute: () => panel.focusSearch() },
    'hitl-nb:select-all': {
      isEnabled: () => hasRows() || model.selected > 0,
      execute: ({ on }) => model.selectAll(typeof on === 'boolean' ? on : !model.allSelected)
    },
    'hitl-nb:collapse-all': {
      isEnabled: hasGroups,
      execute: ({ on }) =>
        model.collapseAll(typeof on === 'boolean' ? on : model.view.groups.some(group => !group.collapsed))
    },
    'hitl-nb:show-view': {
      isEnabled: ({ view }) => view !== 'mine' || votingName(host) !== null,
      execute: ({ view }) => model.showView(INBOX_VIEWS.find(one => one === view) ?? 'all')
    }
  };
}

/** Close what was opened last: the dialog, the keys, the selection, then the card. */
function closeOne(model: InboxModel): void {
  if (model.batch) {
    if (!model.deciding) {
      model.cancel();
    }
  } else if (model.help) {
    model.help = false;
  } else if (model.selected > 0) {
    model.selectAll(false);
  } else {
    model.close();
  }
}
