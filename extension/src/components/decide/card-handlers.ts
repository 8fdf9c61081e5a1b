/**
 * The handlers of a card's commands that decide. While rows are selected in the inbox, the inbox handles their keys.
 */

import type { Action } from '../../api/types';
import type { CommandArgs, CommandHandlers, ICommandHandler } from '../review-commands';
import type { IDecideOptions, PopoverName } from './decision-popovers';
import type { IPrimaryAction } from './primary-action';

interface IHandlerParts {
  primary: IPrimaryAction | null;
  /** Why nothing can be decided now, or null. */
  blocked: string | null;
  /** Why this person may not decide, or "". */
  refusal: string;
  isAllowed: (action: Action) => boolean;
  approve: (options?: IDecideOptions) => Promise<boolean> | false;
  setPopover: (popover: PopoverName | null) => void;
  onComments: () => void;
}

/** The handlers of the card's commands: each does what its button does. */
export function makeHandlers({
  primary,
  blocked,
  refusal,
  isAllowed,
  approve,
  setPopover,
  onComments
}: IHandlerParts): CommandHandlers {
  const canApprove = (): boolean => primary?.blocked === null;
  const canOpen = (action: Action): boolean => isAllowed(action) && blocked === null;
  const isPrimary = (action: unknown): boolean => action === undefined || action === primary?.action;
  const makeOpener = (action: Action, popover: PopoverName): ICommandHandler => ({
    isEnabled: () => canOpen(action),
    execute: () => setPopover(popover),
    whyNot: () => blocked || refusal
  });
  const whyNot = (): string => blocked || primary?.blocked || refusal;
  return {
    'hitl-nb:approve-proposal': { isEnabled: canApprove, execute: () => approve(), whyNot },
    'hitl-nb:approve-with-reason': { isEnabled: canApprove, execute: () => setPopover('reason'), whyNot },
    'hitl-nb:reject-proposal': makeOpener('reject', 'reject'),
    'hitl-nb:answer-proposal': makeOpener('respond', 'answer'),
    'hitl-nb:comment-proposal': { isEnabled: () => true, execute: onComments },
    'hitl-nb:decide-proposal': {
      isEnabled: ({ action }) =>
        isPrimary(action)
          ? canApprove()
          : canOpen(action as Action) && action !== 'approve' && action !== 'edit',
      execute: ({ action }) => {
        if (isPrimary(action)) {
          return approve();
        }
        setPopover(action === 'reject' ? 'reject' : 'answer');
        return false;
      }
    }
  };
}

/** The inbox's commands that the keys of a card run while rows are selected. An answer is for one proposal alone. */
const FOR_SELECTED: { readonly [id: string]: string | null } = {
  'hitl-nb:approve-proposal': 'hitl-nb:approve-proposals',
  'hitl-nb:approve-with-reason': 'hitl-nb:approve-proposals',
  'hitl-nb:reject-proposal': 'hitl-nb:reject-proposals',
  'hitl-nb:answer-proposal': null
};

/**
 * Let the inbox handle the keys that decide. A command that names its proposal is still about that one.
 *
 * @param own - the handlers of the card.
 * @param why - says which proposals the keys act on.
 */
export function handToInbox(own: CommandHandlers, inbox: CommandHandlers, why: string): CommandHandlers {
  const handed = Object.entries(FOR_SELECTED).map(([id, other]): [string, ICommandHandler] => {
    const selected = other === null ? undefined : inbox[other];
    const handlerFor = ({ proposal }: CommandArgs): ICommandHandler | undefined =>
      typeof proposal === 'string' ? own[id] : selected;
    return [
      id,
      {
        isEnabled: args => handlerFor(args)?.isEnabled(args) ?? false,
        execute: args => handlerFor(args)?.execute(args),
        isDecision: () => selected?.isDecision?.() ?? false,
        whyNot: () => why
      }
    ];
  });
  return { ...own, ...Object.fromEntries(handed) };
}
