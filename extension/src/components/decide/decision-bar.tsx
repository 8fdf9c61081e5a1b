/**
 * The decision bar of an open proposal: one primary button with its menu, rejection and answer, and one sentence.
 */

import { useContext, useId, useRef, useState } from 'react';
import type { Action } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { Button, IconButton } from '../controls/button';
import type { IHost } from '../host';
import { keyHint, keyShortcuts } from '../keys/key-hints';
import { KeysButton } from '../keys/keys-button';
import { useCardCommands } from '../use-card-commands';
import { refusalSentence } from '../terms-sentences';
import { useUnsentText } from '../hooks/use-unsent-text';
import { unsentTexts } from '../../models/unsent-texts';
import { handToInbox, makeHandlers } from './card-handlers';
import { DecisionPopovers, type IDecideOptions, type PopoverName } from './decision-popovers';
import { DecisionSurroundings } from './decision-surroundings';
import { openThreads } from './open-comments';
import { primaryAction, whyUndecidable } from './primary-action';
import { SaveStatus } from './save-status';
import { SettlingButton } from './settling-button';
import { WithdrawButton } from './withdraw-button';

interface IProps {
  model: IProposalModel;
  host: IHost;
  /** Number of changes to the agent's version. */
  changes: number;
  /** Whether another action comes first, such as putting the cell back: then no button here is filled. */
  isSecond?: boolean;
  /** Open the comments and move the focus to them. */
  onComments: () => void;
}

/** The controls for deciding. */
export function DecisionBar({ model, host, changes, isSecond, onComments }: IProps): JSX.Element {
  const { trans } = host;
  const { proposal } = model;
  const node = useRef<HTMLElement>(null);
  const anchors = {
    primary: useRef<HTMLButtonElement>(null),
    more: useRef<HTMLButtonElement>(null),
    reject: useRef<HTMLButtonElement>(null),
    answer: useRef<HTMLButtonElement>(null)
  };
  const [popover, setPopover] = useState<PopoverName | null>(null);
  const [approveText, typeApprove] = useUnsentText(host, proposal.id, 'approve');
  const [rejectText, typeReject] = useUnsentText(host, proposal.id, 'reject');
  const [answerText, typeAnswer] = useUnsentText(host, proposal.id, 'answer');
  const texts = { approve: approveText, reject: rejectText, answer: answerText };
  const type = { approve: typeApprove, reject: typeReject, answer: typeAnswer };
  /** The options of the approval that waits for an answer about open comments. */
  const [pending, setPending] = useState<IDecideOptions>({});
  const [sending, setSending] = useState<Action | null>(null);
  const sentence = useId();
  const surroundings = useContext(DecisionSurroundings);
  const primary = proposal.settles_at ? null : primaryAction(model, host, sending);
  const isFilled = surroundings.selected === 0 && isSecond !== true;
  const answerInMenu = surroundings.compact === true && primary !== null;
  const isAllowed = (action: Action): boolean =>
    proposal.allow.includes(action) && (proposal.may?.actions.includes(action) ?? true);
  const blocked = model.isDeciding ? '' : whyUndecidable(model, host);
  const open = openThreads(model.discussion?.comments);

  const forgetSent = (action: Action, { reason, message }: IDecideOptions): void => {
    if (message !== undefined) {
      typeAnswer('');
    }
    if (reason !== undefined) {
      (action === 'reject' ? typeReject : typeApprove)('');
    }
  };
  const decide = async (action: Action, options: IDecideOptions = {}): Promise<boolean> => {
    setPopover(null);
    setSending(action);
    const { stay, ...rest } = options;
    const done = await model.decide(action, rest);
    setSending(null);
    if (done) {
      unsentTexts(host).noteDecision(proposal.id);
      forgetSent(action, rest);
    }
    if (done && !stay) {
      surroundings.onDecided?.(model.proposal);
    }
    return done;
  };
  const approve = (options: IDecideOptions = {}, asked = false): Promise<boolean> | false => {
    const why = options.withoutDraft ? blocked : primary ? primary.blocked : '';
    if (primary === null || why !== null) {
      return false;
    }
    if (open.length > 0 && !asked) {
      setPending(options);
      setPopover('comments');
      return false;
    }
    return decide(options.withoutDraft ? 'approve' : primary.action, options);
  };
  const keysAct =
    surroundings.selected > 0
      ? trans._n('Keys act on the %1 selected', 'Keys act on the %1 selected', surroundings.selected)
      : '';
  const refusal = refusalSentence(proposal);
  /** Whether the sentence says already why the draft is not there or not saved. */
  const isSaid = !keysAct && !!blocked && blocked !== host.readOnly && model.saveStatus !== 'offline';
  const own = makeHandlers({ primary, blocked, refusal, isAllowed, approve, setPopover, onComments });
  const inbox = keysAct ? host.commandTargets?.inbox : null;
  useCardCommands(host, proposal.id, node, inbox ? handToInbox(own, inbox, keysAct) : own);
  return (
    <footer ref={node} className="jp-hitl-decision-bar">
      {proposal.settles_at && <SettlingButton model={model} at={proposal.settles_at} host={host} />}
      {primary && (
        <span className="jp-hitl-split">
          <Button
            ref={anchors.primary}
            icon="check"
            variant={isFilled ? 'primary' : undefined}
            keyHint={surroundings.selected > 0 ? undefined : keyHint(host, 'hitl-nb:approve-proposal')}
            shortcuts={keyShortcuts(host, 'hitl-nb:approve-proposal')}
            blockedBy={primary.blocked === null ? null : sentence}
            onClick={() => void approve()}
          >
            {surroundings.hasNext && primary.blocked === null
              ? trans.__('%1 and next', primary.label)
              : primary.label}
          </Button>
          <IconButton
            ref={anchors.more}
            icon="down"
            variant={isFilled ? 'primary' : undefined}
            label={trans.__('More ways to approve')}
            opens="menu"
            expanded={popover === 'menu'}
            onClick={() => setPopover(popover === 'menu' ? null : 'menu')}
          />
        </span>
      )}
      {isAllowed('reject') && (
        <Button
          ref={anchors.reject}
          icon="cross"
          variant="danger"
          keyHint={keyHint(host, 'hitl-nb:reject-proposal')}
          shortcuts={keyShortcuts(host, 'hitl-nb:reject-proposal')}
          opens="dialog"
          expanded={popover === 'reject'}
          blockedBy={blocked === null ? null : sentence}
          onClick={() => setPopover(popover === 'reject' ? null : 'reject')}
        >
          {sending === 'reject' ? trans.__('Rejecting …') : trans.__('Reject…')}
        </Button>
      )}
      {isAllowed('respond') && !proposal.settles_at && !answerInMenu && (
        <Button
          ref={anchors.answer}
          icon="answer"
          keyHint={keyHint(host, 'hitl-nb:answer-proposal')}
          shortcuts={keyShortcuts(host, 'hitl-nb:answer-proposal')}
          opens="dialog"
          expanded={popover === 'answer'}
          blockedBy={blocked === null ? null : sentence}
          onClick={() => setPopover(popover === 'answer' ? null : 'answer')}
        >
          {sending === 'respond' ? trans.__('Answering …') : trans.__('Answer…')}
        </Button>
      )}
      <WithdrawButton model={model} host={host} />
      <span className="jp-hitl-decision-end">
        <span id={sentence}>{keysAct || blocked || primary?.blocked || refusal}</span>
        <SaveStatus saved={isSaid ? 'saved' : model.saveStatus} host={host} />
        {model.discussion && (
          <IconButton
            icon="comment"
            label={
              open.length > 0
                ? trans._n('Comments: %1 open', 'Comments: %1 open', open.length)
                : trans.__('Comments: none open')
            }
            count={open.length > 0 ? open.length : undefined}
            keyHint={keyHint(host, 'hitl-nb:comment-proposal')}
            shortcuts={keyShortcuts(host, 'hitl-nb:comment-proposal')}
            onClick={onComments}
          />
        )}
        <KeysButton host={host} proposal={proposal.id} />
      </span>
      <DecisionPopovers
        model={model}
        host={host}
        shown={popover}
        show={setPopover}
        anchors={answerInMenu ? { ...anchors, answer: anchors.more } : anchors}
        answerInMenu={answerInMenu && isAllowed('respond') && blocked === null}
        texts={texts}
        onType={(which, text) => type[which](text)}
        primary={primary}
        blocked={blocked}
        changes={changes}
        open={open}
        canApprove={isAllowed('approve')}
        hasNext={surroundings.hasNext}
        approve={approve}
        pendingReason={pending.reason}
        approvePending={() => void approve(pending, true)}
        decide={decide}
        onComments={onComments}
      />
    </footer>
  );
}
