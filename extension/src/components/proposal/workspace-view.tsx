/**
 * A workspace: the document that an agent and people write together, as long as it is open, and then what it says.
 * While people are asked whether it is done, it is edited in the card that asks them.
 */

import { type ReactNode, useId, useMemo, useRef } from 'react';
import type { IDecision, IRun } from '../../api/types';
import { safety } from '../../models/draft-editing';
import type { WorkspaceModel } from '../../models/workspace';
import { DraftView } from '../document/draft-panel';
import { WrittenEditor } from '../editors/registry';
import { useFocused } from '../use-focus-within';
import type { IHost } from '../host';
import { useChanges } from '../use-redraw';
import { SideBySide } from '../../codemirror/side-by-side';
import { useUndoKeys } from '../undo-keys';
import { decider } from '../proposal-status';
import { visible } from '../../text/hidden-characters';
import { BackAndForth, Saved } from './decision-bar';
import { useWork } from '../document/use-document-tools';

interface IProps {
  model: WorkspaceModel;
  host: IHost;
  /** What is shown instead of the document while people are asked whether it is done; by the proposal's id. */
  asked: (proposal: string) => ReactNode;
}

export function WorkspaceView({ model, host, asked }: IProps): JSX.Element {
  useChanges(model, host);
  const { trans } = host;
  const { id, title, kind, template, text, agent, proposal, status } = model.workspace;
  const heading = useId();
  const node = useRef<HTMLElement>(null);
  // Asked while somebody types: they go on where they are, and see the card when they leave.
  const [typing, leave] = useFocused(node);
  const wrote = useRef(false);
  wrote.current = typing && (proposal === null || wrote.current);
  const asking = proposal !== null && !wrote.current;
  const draft = asking ? null : model.draft;
  const able = draft !== null && draft.loaded && !draft.closed && host.readOnly === null;
  const undoer = useMemo(() => (able ? draft : null), [able, draft]);
  useUndoKeys(node, undoer);
  const given = { document: id, kind, value: template, agent, workspace: true };
  const work = useWork(given, draft, model.discussion, host);
  const editor = (
    <WrittenEditor
      id={id}
      kind={kind}
      label={trans.__('Document')}
      value={draft?.loaded ? draft.value : text}
      draft={draft}
      readOnly={!able}
      extension={work.extension}
      host={host}
    />
  );
  return (
    <article
      ref={node}
      className={`jp-hitl-card jp-mod-workspace jp-mod-${status}`}
      aria-labelledby={heading}
    >
      <header>
        <h3 id={heading}>{visible(title)}</h3>
        <span className="jp-hitl-state" aria-live="polite">
          {standing(model, host)}
        </span>
      </header>
      {model.lost !== null && <Lost lost={model.lost} now={text} host={host} />}
      {proposal !== null && !asking && (
        <p className="jp-hitl-note" role="status">
          {trans.__('%1 asks whether it is done. Write on, as long as you like.', visible(agent))}{' '}
          <button type="button" onClick={leave}>
            {trans.__('Decide')}
          </button>
        </p>
      )}
      {asking ? (
        asked(proposal)
      ) : (
        <DraftView
          key={id}
          work={work}
          discussion={model.discussion}
          able={able}
          writing={model.writing && proposal === null ? trans.__('%1 (agent)', agent) : undefined}
          editor={editor}
          host={host}
        >
          {draft && (
            <div className="jp-hitl-buttons">
              <BackAndForth
                canUndo={able && draft.canUndo}
                canRedo={able && draft.canRedo}
                undoer={draft}
                host={host}
              />
              <Saved saved={safety(draft)} host={host} />
            </div>
          )}
          {draft && host.readOnly !== null && <p className="jp-hitl-note">{host.readOnly}</p>}
        </DraftView>
      )}
      {model.problem && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(model.problem)}
        </p>
      )}
    </article>
  );
}

/** Who writes, or what became of it, in words. */
function standing({ workspace, run, decided }: WorkspaceModel, host: IHost): string {
  const { trans } = host;
  if (workspace.status === 'closed') {
    return trans.__('Closed');
  }
  if (workspace.status === 'done') {
    return decided?.decision ? outcome(decided.decision, host) : trans.__('Done');
  }
  if (workspace.proposal !== null) {
    return trans.__('Waiting for a decision');
  }
  const said: { [status in IRun['status']]?: string } = {
    waiting: trans.__('People write; the agent waits for another decision'),
    ready: trans.__('People write; the agent has not gone on yet'),
    failed: trans.__('People write; the agent’s run has failed')
  };
  return (run && said[run.status]) ?? trans.__('The agent and people write');
}

function outcome(decision: Omit<IDecision, 'value'>, host: IHost): string {
  const { trans } = host;
  const name = decider(decision, host);
  switch (decision.action) {
    case 'reject':
      return trans.__('Rejected by %1', name);
    case 'respond':
      return trans.__('Answered by %1', name);
    default:
      return trans.__('Called done by %1', name);
  }
}

/** What was typed last and came too late. */
function Lost({ lost, now, host }: { lost: string; now: string; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <section className="jp-hitl-surprise" role="alert">
      <p>{trans.__('The document was closed while you typed: what you typed last is not in it.')}</p>
      <SideBySide before={lost} after={now} names={[trans.__('Here'), trans.__('Now')]} />
    </section>
  );
}
