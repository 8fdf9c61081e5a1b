/**
 * One proposal: what is proposed and why a person is asked, the value in its editor, and the ways to decide.
 */

import { useCallback, useId, useMemo, useReducer, useRef, useSyncExternalStore } from 'react';
import type { JsonObject } from '../api/types';
import type { IProposalModel } from '../model';
import { Changes } from './changes';
import { Comments } from './discussion';
import { Editor } from './editors';
import type { IHost } from './host';
import { Markdown } from './markdown';
import { byPlace, Others, placeOf } from './others';
import { Presence, useBeforeEyes } from './presence';
import { outcome, state } from './state';
import { Surprise } from './surprise';
import { useUndoKeys } from './undoing';
import { visible } from './visible';
import { Decided, editable, undo, Ways } from './ways';
import { type IWork, useWork } from './work';
import { WorkTools } from './worktools';

export function Card({ model, host }: { model: IProposalModel; host: IHost }): JSX.Element {
  useChanges(model, host);
  const { proposal, draft } = model;
  const heading = useId();
  const open = proposal.status === 'open';
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
  const work = useWork({ document, kind, value, agent }, draft, model.discussion, host);
  return (
    <article ref={node} className={`jp-hitl-card jp-mod-${proposal.status}`} aria-labelledby={heading}>
      <header>
        <h3 id={heading}>{visible(proposal.title)}</h3>
        <span className="jp-hitl-state" aria-live="polite">
          {state(proposal, host)}
        </span>
      </header>
      <Context context={proposal.context} />
      {open && draft && <Presence draft={draft} host={host} />}
      <Value key={`value ${proposal.id} ${round}`} model={model} work={work} host={host} />
      <WorkTools key={`work ${proposal.id}`} work={work} host={host} />
      {open && model.unfinished && <p className="jp-hitl-wrong">⚠ {visible(model.unfinished)}</p>}
      {model.fields[''] && <p className="jp-hitl-wrong">⚠ {visible(model.fields[''])}</p>}
      <Changes
        proposal={proposal}
        value={open ? model.value : outcome(proposal)}
        text={open ? model.changes : proposal.changes}
        host={host}
      />
      {model.surprise ? (
        <Surprise surprise={model.surprise} problem={model.problem} host={host} />
      ) : (
        model.problem && (
          <p className="jp-hitl-wrong" role="alert">
            {visible(model.problem)}
          </p>
        )
      )}
      {open ? (
        <Ways key={`ways ${proposal.id}`} model={model} host={host} onUndo={anew} />
      ) : (
        <Decided model={model} host={host} />
      )}
      {model.discussion && (
        <Comments
          key={`comments ${proposal.id}`}
          discussion={model.discussion}
          marks={work.marks}
          draft={able ? draft : null}
          host={host}
        />
      )}
    </article>
  );
}

/**
 * Draw again after every change, and before anything else happens on the page: an edit is made from what is drawn, and
 * must not be made from what somebody else has just changed.
 */
function useChanges(model: IProposalModel, host: IHost): void {
  const count = useRef(0);
  const subscribe = useCallback(
    (draw: () => void) => {
      const changed = (): void => {
        count.current++;
        draw();
      };
      model.changed.connect(changed);
      host.changed?.connect(changed);
      changed(); // an editor may have told the model something before
      return () => {
        model.changed.disconnect(changed);
        host.changed?.disconnect(changed);
      };
    },
    [model, host]
  );
  useSyncExternalStore(subscribe, () => count.current);
}

/** The value in its editor, where it is told and shown who is at which part of it. */
function Value(props: { model: IProposalModel; work: IWork; host: IHost }): JSX.Element {
  const { model, work, host } = props;
  const { proposal, draft } = model;
  const node = useRef<HTMLDivElement>(null);
  const people = draft?.people;
  const others = useMemo(() => byPlace(people ?? []), [people]);
  useBeforeEyes(node, draft);
  const open = proposal.status === 'open';
  const able = open && editable(model, host);
  return (
    <div
      ref={node}
      className="jp-hitl-value"
      aria-busy={open && draft !== null && !draft.loaded && !draft.closed}
      onFocus={event => draft?.focus(placeOf(event.target))}
      onBlur={() => draft?.focus(null)}
    >
      <Others.Provider value={others}>
        <Editor
          proposal={proposal}
          value={open ? model.value : outcome(proposal)}
          draft={draft}
          fields={model.fields}
          readOnly={!able}
          extension={work.extension}
          host={host}
          onEdit={(value, base) => model.edit(value, base)}
          onUnfinished={(text, why) => model.cannotEdit(text, why)}
        />
      </Others.Provider>
    </div>
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
