/**
 * The card of one proposal: the proposal, the reason why a person is asked, the editor of the value, and the
 * decision.
 */

import { type ReactNode, useId, useMemo, useReducer, useRef, useState } from 'react';
import type { IProposal, JsonObject } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { ValueDiff } from './value-diff';
import { DoubtCard } from './effect-in-doubt';
import { DraftPanel } from '../document/draft-panel';
import { ValueEditor } from '../editors/registry';
import type { IHost } from '../host';
import { Markdown } from '../markdown';
import { useChanges } from '../use-redraw';
import { isAboutWorkspace, currentValue, proposalState, formatVoter } from '../proposal-status';
import { ConflictNotice } from './conflict';
import { TermsView } from './review-terms';
import { useUndoKeys } from '../undo-keys';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { DecisionLine, isEditable, undoTyping, DecisionBar } from './decision-bar';
import { useDocumentTools } from '../document/use-document-tools';

/** The card of a proposal. An effect in doubt has a card of its own. */
export function ProposalCard({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const Shown = model.proposal.doubt ? DoubtCard : ValueCard;
  return <Shown model={model} host={host} />;
}

function ValueCard({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  useChanges(model, host);
  const { proposal } = model;
  const heading = useId();
  const open = proposal.status === 'open';
  const draft = open ? model.draft : null;
  // A new number creates a new editor, so that typed text that is not a valid value is removed.
  const [round, anew] = useReducer((n: number) => n + 1, 0);
  const node = useRef<HTMLElement>(null);
  const able = open && isEditable(model, host);
  const undoer = useMemo(
    () => (able ? { undo: () => undoTyping(model, anew), redo: () => model.redo() } : null),
    [able, model]
  );
  useUndoKeys(node, undoer);
  const { document = proposal.id, kind, value, agent } = proposal;
  const workspace = isAboutWorkspace(proposal);
  const work = useDocumentTools({ document, kind, value, agent, workspace }, draft, model.discussion, host);
  const editor = (
    <ValueEditor
      key={round}
      proposal={proposal}
      value={open ? model.value : currentValue(proposal)}
      draft={draft}
      fields={model.fields}
      readOnly={!able}
      extension={work.extension}
      host={host}
      onEdit={(changed, base) => model.edit(changed, base)}
      onUnfinished={(text, why) => model.cannotEdit(text, why)}
    />
  );
  return (
    <article
      ref={node}
      className={`jp-hitl-card jp-mod-${proposal.status}${workspace ? ' jp-mod-workspace' : ''}`}
      aria-labelledby={heading}
    >
      <header>
        <h3 id={heading}>{showHiddenCharacters(proposal.title)}</h3>
        <span className="jp-hitl-state" aria-live="polite">
          {proposalState(proposal, host)}
        </span>
      </header>
      {workspace && open && (
        <p className="jp-hitl-note">
          {host.trans.__(
            'This is the workspace that %1 and people write. Continue to write here, and press Done when it is done.',
            showHiddenCharacters(agent)
          )}
        </p>
      )}
      <Tags tags={proposal.tags ?? []} host={host} />
      <TermsView model={model} host={host} />
      <Context context={proposal.context} />
      {proposal.notes?.map(note => (
        <p key={note} className="jp-hitl-note">
          {showHiddenCharacters(note)}
        </p>
      ))}
      {workspace && !open ? (
        <>
          <ValueMessages model={model} host={host} />
          <DecisionLine model={model} host={host} />
          <DecidedText key={proposal.id} host={host}>
            <DraftPanel work={work} discussion={null} able={false} editor={editor} host={host} />
          </DecidedText>
        </>
      ) : (
        <DraftPanel
          key={proposal.id}
          work={work}
          discussion={model.discussion}
          able={able}
          editor={editor}
          host={host}
        >
          <ValueMessages model={model} host={host} />
          {open ? (
            <DecisionBar model={model} host={host} onUndo={anew} />
          ) : (
            <DecisionLine model={model} host={host} />
          )}
        </DraftPanel>
      )}
    </article>
  );
}

/** The text of a workspace as it was decided, folded. The workspace itself shows its current text. */
function DecidedText({ host, children }: { host: IHost; children: ReactNode }): JSX.Element {
  const [shown, setShown] = useState(false);
  return (
    <>
      <button type="button" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {host.trans.__('The decided text')}
      </button>
      {shown && children}
    </>
  );
}

/** Messages about the value: what is not valid, what has changed, and conflicts. */
function ValueMessages({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const { proposal, conflict: surprise, problem } = model;
  const open = proposal.status === 'open';
  return (
    <>
      <Candidate proposal={proposal} host={host} />
      {open && model.invalidReason && (
        <p className="jp-hitl-error">⚠ {showHiddenCharacters(model.invalidReason)}</p>
      )}
      {model.fields[''] && <p className="jp-hitl-error">⚠ {showHiddenCharacters(model.fields[''])}</p>}
      <ValueDiff
        proposal={proposal}
        value={open ? model.value : currentValue(proposal)}
        text={open && (model.hasEdits || proposal.candidate === undefined) ? model.changes : proposal.changes}
        host={host}
      />
      {open &&
        (model.hasEdits || proposal.candidate !== undefined) &&
        (proposal.guardrails ?? []).length > 0 && (
          <p className="jp-hitl-note">
            {host.trans.__('Guardrails look at the changed value again when the run continues.')}
          </p>
        )}
      {surprise && <ConflictNotice surprise={surprise} problem={problem} host={host} />}
      {!surprise && problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(problem)}
        </p>
      )}
    </>
  );
}

function Tags({ tags, host }: { tags: string[]; host: IHost }): JSX.Element | null {
  return tags.length === 0 ? null : (
    <ul className="jp-hitl-tags" aria-label={host.trans.__('Tags')}>
      {tags.map(tag => (
        <li key={tag}>{showHiddenCharacters(tag)}</li>
      ))}
    </ul>
  );
}

/** A note that people vote on an edited value. The changes are shown after it. */
function Candidate({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  if (proposal.status !== 'open' || proposal.candidate === undefined) {
    return null;
  }
  const { votes = [] } = proposal;
  const by = votes.find(vote => vote.action === 'edit' && vote.counts);
  return (
    <p className="jp-hitl-candidate">
      {by
        ? host.trans.__('Changed by %1: you vote on the changed value.', formatVoter(by, host))
        : host.trans.__('It was changed: you vote on the changed value.')}
    </p>
  );
}

function Context({ context }: { context: string | JsonObject | null }): JSX.Element | null {
  if (context === null) {
    return null;
  }
  if (typeof context === 'string') {
    return <Markdown text={context} />;
  }
  return (
    <dl className="jp-hitl-context">
      {Object.entries(context).map(([name, item]) => (
        <div key={name}>
          <dt>{showHiddenCharacters(name)}</dt>
          <dd>{showHiddenCharacters(typeof item === 'string' ? item : JSON.stringify(item))}</dd>
        </div>
      ))}
    </dl>
  );
}
