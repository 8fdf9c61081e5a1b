/**
 * One proposal: what is proposed and why a person is asked, the value in its editor, and the ways to decide.
 */

import { type ReactNode, useId, useMemo, useReducer, useRef, useState } from 'react';
import type { IProposal, JsonObject } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { Changes } from './value-diff';
import { DoubtCard } from './effect-in-doubt';
import { DraftView } from '../document/draft-panel';
import { Editor } from '../editors/registry';
import type { IHost } from '../host';
import { Markdown } from '../markdown';
import { useChanges } from '../use-redraw';
import { ofWorkspace, outcome, state, voter } from '../proposal-status';
import { Surprise } from './conflict';
import { Terms } from './review-terms';
import { useUndoKeys } from '../undo-keys';
import { visible } from '../../text/hidden-characters';
import { Decided, editable, undo, Ways } from './decision-bar';
import { useWork } from '../document/use-document-tools';

export function Card({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const Shown = model.proposal.doubt ? DoubtCard : ValueCard;
  return <Shown model={model} host={host} />;
}

function ValueCard({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  useChanges(model, host);
  const { proposal } = model;
  const heading = useId();
  const open = proposal.status === 'open';
  const draft = open ? model.draft : null;
  // Another number draws the editor anew: what was typed in it and is no value goes too.
  const [round, anew] = useReducer((n: number) => n + 1, 0);
  const node = useRef<HTMLElement>(null);
  const able = open && editable(model, host);
  const undoer = useMemo(
    () => (able ? { undo: () => undo(model, anew), redo: () => model.redo() } : null),
    [able, model]
  );
  useUndoKeys(node, undoer);
  const { document = proposal.id, kind, value, agent } = proposal;
  const workspace = ofWorkspace(proposal);
  const work = useWork({ document, kind, value, agent, workspace }, draft, model.discussion, host);
  const editor = (
    <Editor
      key={round}
      proposal={proposal}
      value={open ? model.value : outcome(proposal)}
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
        <h3 id={heading}>{visible(proposal.title)}</h3>
        <span className="jp-hitl-state" aria-live="polite">
          {state(proposal, host)}
        </span>
      </header>
      {workspace && open && (
        <p className="jp-hitl-note">
          {host.trans.__(
            'This is the workspace that %1 and people write: write on here, and say when it is done.',
            visible(agent)
          )}
        </p>
      )}
      <Tags tags={proposal.tags ?? []} host={host} />
      <Terms model={model} host={host} />
      <Context context={proposal.context} />
      {proposal.notes?.map(note => (
        <p key={note} className="jp-hitl-note">
          {visible(note)}
        </p>
      ))}
      {workspace && !open ? (
        <>
          <Said model={model} host={host} />
          <Decided model={model} host={host} />
          <Agreed key={proposal.id} host={host}>
            <DraftView work={work} discussion={null} able={false} editor={editor} host={host} />
          </Agreed>
        </>
      ) : (
        <DraftView
          key={proposal.id}
          work={work}
          discussion={model.discussion}
          able={able}
          editor={editor}
          host={host}
        >
          <Said model={model} host={host} />
          {open ? <Ways model={model} host={host} onUndo={anew} /> : <Decided model={model} host={host} />}
        </DraftView>
      )}
    </article>
  );
}

/** The text of a workspace as it was decided, for who wants to see it: the workspace itself shows it as it is. */
function Agreed({ host, children }: { host: IHost; children: ReactNode }): JSX.Element {
  const [shown, setShown] = useState(false);
  return (
    <>
      <button type="button" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {host.trans.__('What was decided')}
      </button>
      {shown && children}
    </>
  );
}

/** What is to be said about the value: what is wrong with it, what it changes, and what came in between. */
function Said({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  const { proposal, surprise, problem } = model;
  const open = proposal.status === 'open';
  return (
    <>
      <Candidate proposal={proposal} host={host} />
      {open && model.unfinished && <p className="jp-hitl-wrong">⚠ {visible(model.unfinished)}</p>}
      {model.fields[''] && <p className="jp-hitl-wrong">⚠ {visible(model.fields[''])}</p>}
      <Changes
        proposal={proposal}
        value={open ? model.value : outcome(proposal)}
        text={open && (model.edited || proposal.candidate === undefined) ? model.changes : proposal.changes}
        host={host}
      />
      {open &&
        (model.edited || proposal.candidate !== undefined) &&
        (proposal.guardrails ?? []).length > 0 && (
          <p className="jp-hitl-note">
            {host.trans.__('Guardrails look at the changed value again when the run continues.')}
          </p>
        )}
      {surprise && <Surprise surprise={surprise} problem={problem} host={host} />}
      {!surprise && problem && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(problem)}
        </p>
      )}
    </>
  );
}

function Tags({ tags, host }: { tags: string[]; host: IHost }): JSX.Element | null {
  return tags.length === 0 ? null : (
    <ul className="jp-hitl-tags" aria-label={host.trans.__('Tags')}>
      {tags.map(tag => (
        <li key={tag}>{visible(tag)}</li>
      ))}
    </ul>
  );
}

/** That people vote on another value than the agent's; what it changes follows. */
function Candidate({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  if (proposal.status !== 'open' || proposal.candidate === undefined) {
    return null;
  }
  const { votes = [] } = proposal;
  const by = votes.find(vote => vote.action === 'edit' && vote.counts);
  return (
    <p className="jp-hitl-candidate">
      {by
        ? host.trans.__('Changed by %1: you vote on the changed value.', voter(by, host))
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
          <dt>{visible(name)}</dt>
          <dd>{visible(typeof item === 'string' ? item : JSON.stringify(item))}</dd>
        </div>
      ))}
    </dl>
  );
}
