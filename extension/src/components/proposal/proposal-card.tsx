/**
 * The card of one proposal: what is asked and why, the evidence, the value with its editor, and the decision. A
 * decided card is folded to two lines.
 */

import { type ReactNode, useCallback, useContext, useId, useMemo, useRef, useState } from 'react';
import type { IProposalModel } from '../../models/interfaces';
import { unsentTexts } from '../../models/unsent-texts';
import { countChanges } from '../changes/change-count';
import { DecisionBar } from '../decide/decision-bar';
import { SAVING_DELAY_MS } from '../decide/save-status';
import { useDocumentTools } from '../document/use-document-tools';
import { Evidence } from '../evidence/evidence';
import type { IHost } from '../host';
import { useKeyHints } from '../keys/key-hints';
import { PresenceFaces } from '../presence-bar';
import { type ICardState, type StateName, stateOf } from '../states/proposal-state';
import { HeldLine } from '../states/held-question';
import { currentValue, isAboutWorkspace } from '../proposal-status';
import { useCardCommands } from '../use-card-commands';
import { useDelayed } from '../hooks/use-delayed';
import { listUnsent } from '../hooks/use-unsent-text';
import { useChanges, useRedraw } from '../use-redraw';
import { useOffline } from '../decide/use-offline';
import { useUndoKeys } from '../undo-keys';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { CardHead } from './card-head';
import { LastDecided } from './card-list';
import { CardMenu } from './card-menu';
import { CollapsedCard } from './collapsed-card';
import { ConflictNotice } from '../notices/conflict';
import { isEditable, undoTyping } from './edit-undo';
import { DoubtCard } from './effect-in-doubt';
import { focusFirstInvalid, focusFirstField } from './field-focus';
import { Notices } from '../notices/card-notices';
import { TermsView } from './review-terms';
import { RefusedEdit } from '../notices/refused-edit';
import { RunNotice, type RunNoticeState } from '../notices/run-notices';
import { UnusedInput } from '../notices/unused-input';
import { ValueSection } from './value-section';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

/** The card of a proposal. An effect in doubt has a card of its own. */
export function ProposalCard({ model, host }: IProps): JSX.Element {
  useChanges(model, host);
  useRedraw(unsentTexts(host));
  useKeyHints(host);
  const { proposal } = model;
  if (proposal.status !== 'open') {
    return <ClosedCard model={model} host={host} />;
  }
  return proposal.doubt ? <DoubtCard model={model} host={host} /> : <ValueCard model={model} host={host} />;
}

/** The folded card of a closed proposal, with what is to be known or done about it now. */
function ClosedCard({ model, host }: IProps): JSX.Element {
  const { proposal, conflict } = model;
  const Whole = proposal.doubt ? DoubtCard : ValueCard;
  const state = useClosedState(model, host);
  const notices = (
    <>
      <UnusedInput
        shown={conflict?.shown ?? proposal}
        now={proposal}
        draft={conflict?.draft}
        texts={listUnsent(host, proposal)}
        host={host}
      />
      {conflict && !conflict.draft && (
        <ConflictNotice surprise={conflict} problem={model.problem} host={host} />
      )}
      {isRunState(state.name) && <RunNotice model={model} host={host} state={state.name} />}
    </>
  );
  const chip = isRunState(state.name) || state.name === 'conflict' ? state : null;
  return (
    <CollapsedCard model={model} host={host} state={chip} notice={notices}>
      <Whole model={model} host={host} />
    </CollapsedCard>
  );
}

/**
 * Return the state of a closed proposal. Only the proposal of a pause that was decided last says how the run continues.
 * That it continues is said only after a delay, since most agents have continued by then.
 */
function useClosedState(model: IProposalModel, host: IHost): ICardState {
  const { proposal, run } = model;
  const last = useContext(LastDecided);
  const state = stateOf(factsOf(model, host), host);
  const late = useDelayed(state.name, 'decided', SAVING_DELAY_MS);
  const next = run && host.resumeAction?.(run, proposal);
  const isEarly = state.name === 'continues' && !next?.label && late !== state.name;
  const isOther = isRunState(state.name) && last !== null && last !== proposal.id;
  return isEarly || isOther ? { ...state, name: 'decided' } : state;
}

function isRunState(name: StateName): name is RunNoticeState {
  return name === 'interrupted' || name === 'orphaned' || name === 'continues';
}

function ValueCard({ model, host }: IProps): JSX.Element {
  const { proposal } = model;
  const heading = useId();
  const node = useRef<HTMLElement>(null);
  const open = proposal.status === 'open';
  const able = open && isEditable(model, host);
  const isOffline = useOffline(model, host);
  const state = stateOf({ ...factsOf(model, host), isOffline: open && isOffline }, host);
  const [commentsAsked, setCommentsAsked] = useState(0);
  const [historyAsked, setHistoryAsked] = useState(0);
  const [round, setRound] = useState(0);
  const replaceEditor = useCallback(() => setRound(n => n + 1), []);
  const undoer = useMemo(
    () => (able ? { undo: () => undoTyping(model, replaceEditor), redo: () => model.redo() } : null),
    [able, model, replaceEditor]
  );
  useUndoKeys(node, undoer);
  const { document = proposal.id, kind, value, agent } = proposal;
  const workspace = isAboutWorkspace(proposal);
  const draft = open ? model.draft : null;
  const work = useDocumentTools({ document, kind, value, agent, workspace }, draft, model.discussion, host);
  const shown = open ? model.value : currentValue(proposal);
  const changes = useMemo(() => countChanges(proposal, value, shown), [proposal, value, shown]);
  useCardCommands(host, proposal.id, node, {
    'hitl-nb:edit-value': { isEnabled: () => able, execute: () => focusFirstField(node.current) }
  });
  return (
    <article
      ref={node}
      className={`jp-hitl-card jp-hitl-root jp-mod-${proposal.status}${workspace ? ' jp-mod-workspace' : ''}`}
      data-state={state.name}
      data-tone={state.tone}
      data-proposal={proposal.id}
      aria-labelledby={heading}
      tabIndex={-1}
    >
      <CardHead
        id={heading}
        proposal={proposal}
        state={state}
        faces={draft && <PresenceFaces draft={draft} host={host} />}
        menu={
          <CardMenu
            proposal={proposal}
            run={model.run}
            host={host}
            onHistory={() => setHistoryAsked(n => n + 1)}
          />
        }
        host={host}
      />
      {open && state.name === 'orphaned' && <RunNotice model={model} host={host} state="orphaned" />}
      <HeldLine proposal={proposal} host={host} />
      <TermsView model={model} host={host} />
      <Evidence proposal={proposal} host={host} />
      <Notes model={model} host={host} able={able} />
      <ValueSection
        key={proposal.id}
        model={model}
        host={host}
        work={work}
        able={able}
        undoer={undoer}
        round={round}
        onReplaceEditor={replaceEditor}
        changes={changes}
        commentsAsked={commentsAsked}
        historyAsked={historyAsked}
      />
      {open && (
        <>
          <Notices
            model={model}
            state={state}
            host={host}
            onGoThere={() => focusFirstInvalid(node.current)}
          />
          <DecisionBar
            model={model}
            host={host}
            changes={changes}
            isSecond={state.name === 'orphaned' && canRestoreCell(model, host)}
            onComments={() => setCommentsAsked(n => n + 1)}
          />
        </>
      )}
    </article>
  );
}

/** Return true if the run notice offers to put the cell back, as the one filled button. */
function canRestoreCell({ run }: IProposalModel, host: IHost): boolean {
  return run !== null && host.runActions?.(run)?.restoreCell !== undefined;
}

/** The facts of a model that decide its state. */
function factsOf(model: IProposalModel, host: IHost): Parameters<typeof stateOf>[0] {
  const { proposal, run, hasEdits, invalidReason, fields, conflict } = model;
  const trouble = (run && host.runActions?.(run)?.trouble) ?? null;
  return { proposal, run, hasEdits, invalidReason, fields, conflict, trouble };
}

/** Sentences for the reviewer: about a workspace, and about what happens when the run continues. */
function Notes({ model, host, able }: IProps & { able: boolean }): JSX.Element {
  const { proposal } = model;
  const notes: ReactNode[] = (proposal.notes ?? []).map(note => (
    <p key={note}>{showHiddenCharacters(note)}</p>
  ));
  if (isAboutWorkspace(proposal) && proposal.status === 'open') {
    notes.unshift(
      <p key="workspace">
        {host.trans.__(
          'This is the workspace that %1 and people write. Continue to write here, and press Done when it is done.',
          showHiddenCharacters(proposal.agent)
        )}
      </p>
    );
  }
  return (
    <div className="jp-hitl-notes">
      {notes}
      <RefusedEdit model={model} host={host} able={able} />
    </div>
  );
}
