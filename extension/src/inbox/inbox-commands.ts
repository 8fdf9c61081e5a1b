/**
 * The commands of the inbox: its buttons and its keys run these.
 */

import type { IProposalSummary } from '../api/types';
import type { IHost } from '../components/host';
import type { CommandArgs, CommandHandlers, ICommandHandler } from '../components/review-commands';
import { askConfirmation } from './decide-selection';
import type { InboxModel } from './inbox-model';

/** Opens the notebook of a proposal or a workspace at its cell. */
export type OpenCell = (of: Pick<IProposalSummary, 'path' | 'agent'>) => void;

/**
 * Make the handlers of the inbox's commands.
 *
 * @param openCell - absent where there are no notebooks.
 */
export function makeInboxHandlers(model: InboxModel, host: IHost, openCell?: OpenCell): CommandHandlers {
  const hasRows = (): boolean => model.shown.length > 0;
  const hasGroups = (): boolean => model.view.groups.length > 0;
  const move = (by: number): ICommandHandler => ({
    isEnabled: hasRows,
    execute: () => {
      model.move(by);
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
  const decide = (action: 'approve' | 'reject'): ICommandHandler => ({
    isEnabled: () => model.targets.length > 0,
    execute: () => askConfirmation(model, host, action)
  });
  return {
    'hitl-nb:focus-next-row': move(1),
    'hitl-nb:focus-previous-row': move(-1),
    'hitl-nb:focus-first-row': move(-Infinity),
    'hitl-nb:focus-last-row': move(Infinity),
    'hitl-nb:collapse-group': { isEnabled: hasGroups, execute: () => model.collapse() },
    'hitl-nb:expand-group': {
      isEnabled: hasGroups,
      execute: () => {
        model.expand();
        model.revealCurrent();
      }
    },
    'hitl-nb:select-proposal': about(proposal => model.toggle(proposal.id)),
    'hitl-nb:approve-proposals': decide('approve'),
    'hitl-nb:reject-proposals': decide('reject'),
    'hitl-nb:open-proposal': about(proposal => model.open(proposal)),
    'hitl-nb:edit-proposal': about(proposal => model.open(proposal, true)),
    'hitl-nb:open-cell': about(proposal => openCell?.(proposal), openCell !== undefined),
    'hitl-nb:close-proposal': {
      isEnabled: () => true,
      execute: () => {
        if (model.confirmation && !model.deciding) {
          model.cancel();
        } else {
          model.close();
          model.help = false;
        }
      }
    },
    'hitl-nb:show-keys': { isEnabled: () => true, execute: () => (model.help = !model.help) },
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
      execute: ({ view }) => {
        model.passed = view === 'passed';
        if (view !== 'passed') {
          model.mine = view === 'mine' ? votingName(host) : null;
        }
      }
    }
  };
}

/** The name under which this person decides; null if it is not known. */
export function votingName({ status }: IHost): string | null {
  return status?.votes_as ?? status?.user.username ?? null;
}
