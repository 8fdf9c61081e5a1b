/**
 * The pop-ups of a decision bar: the menu of the primary button, the reasons, the answer, and open comments.
 */

import type { RefObject } from 'react';
import type { Action, IComment } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ApproveMenu } from './approve-menu';
import { OpenCommentsPopover } from './open-comments';
import type { IPrimaryAction } from './primary-action';
import { ReasonPopover } from './reason-popover';

/** Name of a pop-up. */
export type PopoverName = 'menu' | 'reason' | 'agents-version' | 'comments' | 'reject' | 'answer';

/** Options of a decision. */
export interface IDecideOptions {
  reason?: string;
  message?: string;
  /** Decide about the agent's version and leave the draft out. */
  withoutDraft?: boolean;
  /** Do not move to the next proposal. */
  stay?: boolean;
}

/** The texts that were typed into the pop-ups. They stay when a pop-up is closed. */
export interface IDecisionTexts {
  approve: string;
  reject: string;
  answer: string;
}

interface IProps {
  model: IProposalModel;
  host: IHost;
  /** The open pop-up; null if none is. */
  shown: PopoverName | null;
  show: (name: PopoverName | null) => void;
  /** The buttons that the pop-ups belong to. */
  anchors: { [name in 'primary' | 'more' | 'reject' | 'answer']: RefObject<HTMLButtonElement> };
  texts: IDecisionTexts;
  onType: (which: keyof IDecisionTexts, text: string) => void;
  primary: IPrimaryAction | null;
  /** Why nothing can be decided now, or null. */
  blocked: string | null;
  /** Number of changes to the agent's version. */
  changes: number;
  /** The open comments. */
  open: readonly IComment[];
  /** Whether this person may approve the agent's version. */
  canApprove: boolean;
  hasNext: boolean;
  /** Whether the menu of the primary button has the answer. */
  answerInMenu: boolean;
  /** Approve as the primary button does; `asked`: although comments are open. */
  approve: (options?: IDecideOptions, asked?: boolean) => Promise<boolean> | false;
  /** The reason of the approval that asked about open comments. */
  pendingReason?: string;
  /** Approve although comments are open, with the options of the approval that asked about them. */
  approvePending: () => void;
  decide: (action: Action, options?: IDecideOptions) => Promise<boolean>;
  onComments: () => void;
}

/** The pop-up that is open, if any. */
export function DecisionPopovers(props: IProps): JSX.Element {
  const { model, host, shown, show, anchors, texts, primary, blocked, changes, open } = props;
  const { canApprove, hasNext, answerInMenu, approve, decide, onComments } = props;
  const { trans } = host;
  const { proposal } = model;
  // To approve means to approve the edit of a voter, if there is one: then there is no way to the agent's version.
  const hasAgentsVersion =
    model.hasEdits && proposal.allow.includes('approve') && proposal.candidate === undefined;
  const close = (): void => show(null);
  // Only the pop-up that shows a reason sends it.
  const approveReason = texts.approve.trim() || undefined;
  const type =
    (which: keyof IDecisionTexts) =>
    (text: string): void =>
      props.onType(which, text);
  const leftOut = trans._n(
    'Your %1 change stays in the history, the agent does not get it.',
    'Your %1 changes stay in the history, the agent does not get them.',
    changes
  );
  return (
    <>
      {shown === 'menu' && primary && (
        <ApproveMenu
          anchor={anchors.more}
          primary={primary}
          changes={hasAgentsVersion ? changes : 0}
          canApprove={canApprove}
          onClose={close}
          onApprove={() => void approve()}
          onReason={() => show('reason')}
          onAgentsVersion={() => show('agents-version')}
          onAnswer={answerInMenu ? () => show('answer') : undefined}
          onStay={hasNext ? () => void approve({ stay: true }) : undefined}
          host={host}
        />
      )}
      {shown === 'comments' && (
        <OpenCommentsPopover
          anchor={anchors.primary}
          comments={open}
          reason={props.pendingReason}
          onLook={() => {
            close();
            onComments();
          }}
          onApprove={props.approvePending}
          onClose={close}
          host={host}
        />
      )}
      {shown === 'reason' && primary && (
        <ReasonPopover
          anchor={anchors.primary}
          title={primary.label}
          label={trans.__('Why? The reason is kept in the record.')}
          templates={proposal.reasons}
          text={texts.approve}
          onType={type('approve')}
          action={{ text: primary.label, icon: 'check', variant: 'primary' }}
          blocked={primary.blocked}
          onSend={() => void approve({ reason: approveReason })}
          onClose={close}
          host={host}
        />
      )}
      {shown === 'agents-version' && hasAgentsVersion && (
        <ReasonPopover
          anchor={anchors.primary}
          title={trans.__('Approve the agent’s version?')}
          label={trans.__('Why? (may be left empty)')}
          note={leftOut}
          text={texts.approve}
          onType={type('approve')}
          action={{ text: trans.__('Approve the agent’s version'), icon: 'undo', variant: 'primary' }}
          blocked={blocked}
          onSend={() => void approve({ withoutDraft: true, reason: approveReason })}
          onClose={close}
          host={host}
        />
      )}
      {shown === 'reject' && (
        <ReasonPopover
          anchor={anchors.reject}
          title={trans.__('Reject “%1”', showHiddenCharacters(proposal.title))}
          label={trans.__('Why? The agent continues with what you write.')}
          note={model.hasEdits ? leftOut : undefined}
          templates={proposal.reasons}
          text={texts.reject}
          onType={type('reject')}
          action={{ text: trans.__('Reject'), icon: 'cross', variant: 'danger-primary' }}
          blocked={blocked}
          onSend={() => void decide('reject', { reason: texts.reject.trim() || undefined })}
          onClose={close}
          host={host}
        />
      )}
      {shown === 'answer' && (
        <ReasonPopover
          anchor={anchors.answer}
          title={trans.__('Answer instead of deciding')}
          label={trans.__('The agent gets this text in place of a decision.')}
          text={texts.answer}
          onType={type('answer')}
          action={{ text: trans.__('Answer'), icon: 'answer', variant: 'primary' }}
          required
          blocked={blocked}
          onSend={() => void decide('respond', { message: texts.answer })}
          onClose={close}
          host={host}
        />
      )}
    </>
  );
}
