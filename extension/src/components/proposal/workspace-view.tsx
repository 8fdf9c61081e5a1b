/**
 * A workspace: the document that an agent and people write together while it is open, and its text after that. While
 * people are asked whether it is done, it is edited in the card of that question.
 */

import { type ReactNode, useId, useMemo, useRef } from 'react';
import type { IDecision, IRun } from '../../api/types';
import { saveStatus } from '../../models/draft-editing';
import type { WorkspaceModel } from '../../models/workspace';
import { DocumentSection } from '../document/document-section';
import { Chip } from '../controls/chip';
import { DocumentEditor } from '../editors/registry';
import { useFocusWithin } from '../use-focus-within';
import type { IHost } from '../host';
import { useChanges } from '../use-redraw';
import { SideBySide } from '../../codemirror/side-by-side';
import { useUndoKeys } from '../undo-keys';
import { formatDecider, formatDeciderName } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { SaveStatus } from '../decide/save-status';
import { PresenceFaces } from '../presence-bar';
import { useDocumentTools } from '../document/use-document-tools';

interface IProps {
  model: WorkspaceModel;
  host: IHost;
  /**
   * Returns the card of the question whether the workspace is done, for the proposal's id. It replaces the document.
   */
  renderQuestion: (proposal: string) => ReactNode;
}

/** A workspace with its document. */
export function WorkspaceView({ model, host, renderQuestion }: IProps): JSX.Element {
  useChanges(model, host);
  const { trans } = host;
  const { id, title, kind, template, text, agent, proposal, status } = model.workspace;
  const heading = useId();
  const node = useRef<HTMLElement>(null);
  // If the question arrives while a person types, the editor stays. The card is shown after the person leaves it.
  const [typing, leave] = useFocusWithin(node);
  const wrote = useRef(false);
  wrote.current = typing && (proposal === null || wrote.current);
  const asking = proposal !== null && !wrote.current;
  const draft = asking ? null : model.draft;
  const able = draft !== null && draft.isLoaded && !draft.closeReason && host.readOnly === null;
  const undoer = useMemo(() => (able ? draft : null), [able, draft]);
  useUndoKeys(node, undoer);
  const given = { document: id, kind, value: template, agent, workspace: true };
  const work = useDocumentTools(given, draft, model.discussion, host);
  const editor = (
    <DocumentEditor
      id={id}
      kind={kind}
      label={trans.__('Document')}
      value={draft?.isLoaded ? draft.value : text}
      draft={draft}
      readOnly={!able}
      extension={work.extension}
      host={host}
    />
  );
  const tone = status === 'open' ? 'brand' : 'neutral';
  return (
    <article
      ref={node}
      className={`jp-hitl-card jp-hitl-root jp-mod-workspace jp-mod-${status}`}
      data-tone={tone}
      aria-labelledby={heading}
      tabIndex={-1}
    >
      <header className="jp-hitl-head">
        <h3 id={heading}>{showHiddenCharacters(title)}</h3>
        <div className="jp-hitl-head-end">
          {draft && <PresenceFaces draft={draft} host={host} />}
          <span className="jp-hitl-state" aria-live="polite">
            <Chip tone={tone} title={deciderOf(model, host)}>
              {statusSentence(model, host)}
            </Chip>
          </span>
        </div>
      </header>
      {model.lostText !== null && <LostText lost={model.lostText} now={text} host={host} />}
      {proposal !== null && !asking && (
        <p className="jp-hitl-notes" role="status">
          {trans.__('%1 asks whether it is done. You can continue to write.', showHiddenCharacters(agent))}{' '}
          <button type="button" onClick={leave}>
            {trans.__('Decide')}
          </button>
        </p>
      )}
      {asking ? (
        renderQuestion(proposal)
      ) : (
        <>
          <DocumentSection
            key={id}
            name={trans.__('Document')}
            work={work}
            discussion={model.discussion}
            able={able}
            writing={model.isAgentWriting && proposal === null ? trans.__('%1 (agent)', agent) : undefined}
            undoer={able ? draft : null}
            host={host}
          >
            {editor}
          </DocumentSection>
          {draft && (
            <div className="jp-hitl-notes">
              <SaveStatus saved={saveStatus(draft)} host={host} />
              {host.readOnly !== null && <p>{host.readOnly}</p>}
            </div>
          )}
        </>
      )}
      {model.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(model.problem)}
        </p>
      )}
    </article>
  );
}

/** Describe who writes, or how the workspace ended. */
function statusSentence({ workspace, run, decidedQuestion }: WorkspaceModel, host: IHost): string {
  const { trans } = host;
  if (workspace.status === 'closed') {
    return trans.__('Closed');
  }
  if (workspace.status === 'done') {
    return decidedQuestion?.decision ? decisionSentence(decidedQuestion.decision, host) : trans.__('Done');
  }
  if (workspace.proposal !== null) {
    return trans.__('Your decision');
  }
  const said: { [status in IRun['status']]?: string } = {
    waiting: trans.__('People write; the agent waits for another decision'),
    ready: trans.__('People write; the agent has not continued yet'),
    failed: trans.__('People write; the agent’s run has failed')
  };
  return (run && said[run.status]) ?? trans.__('The agent and people write');
}

/** Name the person who decided that it is done, and say how that person is known; undefined if nobody has. */
function deciderOf({ workspace, decidedQuestion }: WorkspaceModel, host: IHost): string | undefined {
  const decision = workspace.status === 'done' ? decidedQuestion?.decision : null;
  return decision ? formatDecider(decision, host) : undefined;
}

function decisionSentence(decision: Omit<IDecision, 'value'>, host: IHost): string {
  const { trans } = host;
  const name = formatDeciderName(decision, host);
  switch (decision.action) {
    case 'reject':
      return trans.__('Rejected by %1', name);
    case 'respond':
      return trans.__('Answered by %1', name);
    default:
      return trans.__('Marked as done by %1', name);
  }
}

/** Text that was typed too late to be part of the document. */
function LostText({ lost, now, host }: { lost: string; now: string; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <section className="jp-hitl-conflict" role="alert">
      <p>{trans.__('The document was closed while you typed: your last edits are not in it.')}</p>
      <SideBySide before={lost} after={now} names={[trans.__('Here'), trans.__('Now')]} />
    </section>
  );
}
