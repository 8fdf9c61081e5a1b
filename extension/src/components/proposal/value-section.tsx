/**
 * The proposed value of a card: its editor, its changes to the agent's version, or the agent's version.
 */

import { useEffect, useRef, useState } from 'react';
import type { Json } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { Changes } from '../changes/changes';
import { Button } from '../controls/button';
import { Chip } from '../controls/chip';
import { SegmentedControl } from '../controls/segmented-control';
import { DocumentSection } from '../document/document-section';
import type { IDocumentTools } from '../document/use-document-tools';
import { useDraftEditors } from '../document/use-draft-editors';
import { ValueEditor } from '../editors/registry';
import type { IHost } from '../host';
import {
  currentValue,
  formatDecider,
  formatDeciderName,
  formatVoter,
  formatVoterName,
  isAboutWorkspace
} from '../proposal-status';
import { allOf } from '../terms-sentences';
import type { IUndoer } from '../undo-keys';
import { useCardCommands } from '../use-card-commands';
import { recallChoice, rememberChoice } from '../../text/remembered-choice';
import { registerHiddenEditor } from './field-focus';

/** The views of a value. */
type ValueView = 'edit' | 'changes' | 'original';

/** Most people at a draft that the chip names; its tooltip names all. */
const MAX_EDITORS = 3;

interface IProps {
  model: IProposalModel;
  host: IHost;
  work: IDocumentTools;
  /** Whether the value can be edited here and now. */
  able: boolean;
  /** Undoes edits of this window, as the keys do; null if the value cannot be edited. */
  undoer: IUndoer | null;
  /** Counter; when it increases, a new editor is created. Typed text that is not a valid value is removed by that. */
  round: number;
  onReplaceEditor: () => void;
  /** Number of changes to the agent's version. */
  changes: number;
  /** Counters; when one increases, the comments or the history are opened. */
  commentsAsked: number;
  historyAsked: number;
}

/** The value of a proposal with its tools. */
export function ValueSection(props: IProps): JSX.Element {
  const {
    model,
    host,
    work,
    able,
    undoer: keyUndoer,
    round,
    onReplaceEditor,
    changes,
    commentsAsked
  } = props;
  const { trans } = host;
  const { proposal } = model;
  const { kind } = proposal;
  const open = proposal.status === 'open';
  const whole = isAboutWorkspace(proposal);
  const node = useRef<HTMLDivElement>(null);
  const editor = useRef<HTMLDivElement>(null);
  useEffect(() => registerHiddenEditor(editor.current!, () => setChosen('edit')), []);
  const [chosen, setChosen] = useState<ValueView>(
    () => (recallChoice(`view-${kind}`) as ValueView) ?? 'edit'
  );
  // Without changes all views are the same, and the buttons that lead out of the read-only ones are not shown.
  const view = changes === 0 ? 'edit' : chosen;
  const choose = (next: ValueView): void => {
    setChosen(next);
    rememberChoice(`view-${kind}`, next);
  };
  const undoer = keyUndoer && { ...keyUndoer, canUndo: model.canUndo, canRedo: model.canRedo };
  const canReset = able && !whole && (model.hasEdits || !!model.invalidReason);
  const reset = (): void => {
    model.startOver();
    onReplaceEditor();
    setChosen('edit');
  };
  useCardCommands(host, proposal.id, node, {
    'hitl-nb:undo-edit': { isEnabled: () => able && model.canUndo, execute: () => undoer?.undo() },
    'hitl-nb:redo-edit': { isEnabled: () => able && model.canRedo, execute: () => undoer?.redo() },
    'hitl-nb:reset-draft': { isEnabled: () => canReset, execute: reset },
    'hitl-nb:toggle-changes': {
      isEnabled: () => changes > 0,
      execute: () => choose(view === 'changes' ? 'edit' : 'changes')
    }
  });
  const shown = open ? model.value : currentValue(proposal);
  const options: { value: ValueView; text: string }[] = [
    { value: 'edit', text: open ? trans.__('Edit') : trans.__('Decided') },
    { value: 'changes', text: trans.__('Changes') },
    ...(whole ? [] : [{ value: 'original' as const, text: trans.__('Original') }])
  ];
  return (
    <div ref={node}>
      <DocumentSection
        name={whole ? trans.__('Document') : trans.__('Proposal')}
        work={work}
        discussion={model.discussion}
        able={able}
        undoer={undoer}
        commentsAsked={commentsAsked}
        historyAsked={props.historyAsked}
        host={host}
        chips={<ChangesChip model={model} changes={changes} host={host} />}
        views={
          <>
            {canReset && (
              <Button small variant="quiet" title={trans.__('Restore the agent’s version')} onClick={reset}>
                {trans.__('Take all back')}
              </Button>
            )}
            {changes > 0 && (
              <SegmentedControl label={trans.__('Show')} options={options} chosen={view} onChoose={choose} />
            )}
          </>
        }
      >
        {view === 'changes' && (
          <Changes proposal={proposal} before={proposal.value} after={shown} host={host} />
        )}
        {/*
          The editor stays while another view is shown, so that its undo and its cursor are kept. While a person is in
          it, the first change must not bring back the view that was chosen before.
        */}
        <div ref={editor} hidden={view !== 'edit'} onFocus={() => setChosen('edit')}>
          <ValueEditor
            key={round}
            proposal={proposal}
            value={shown}
            draft={open ? model.draft : null}
            fields={model.fields}
            readOnly={!able}
            extension={work.extension}
            history={work.history}
            host={host}
            onEdit={(changed, base) => model.edit(changed, base)}
            onUnfinished={(text, why) => model.cannotEdit(text, why)}
          />
        </div>
        {view === 'original' && <OriginalValue model={model} value={proposal.value} host={host} />}
      </DocumentSection>
    </div>
  );
}

/** "2 changes", and by whom: the people at the draft, the voter whose edit people vote on, or who decided so. */
function ChangesChip({
  model,
  changes,
  host
}: Pick<IProps, 'model' | 'changes' | 'host'>): JSX.Element | null {
  const { trans } = host;
  const editors = useDraftEditors(model, host);
  if (changes === 0) {
    return null;
  }
  const count = trans._n('%1 change', '%1 changes', changes);
  const { name, identity } = editorOf(model, editors, host);
  return (
    <Chip tone="good" icon="pencil" title={identity}>
      {name ? trans.__('%1 by %2', count, name) : count}
    </Chip>
  );
}

/** Name the person who changed the value that is shown, and say how that person is known. */
function editorOf(
  model: IProposalModel,
  editors: string[],
  host: IHost
): { name: string; identity?: string } {
  const { votes = [], candidate, status, decision } = model.proposal;
  if (status !== 'open') {
    return decision?.action === 'edit'
      ? { name: formatDeciderName(decision, host), identity: formatDecider(decision, host) }
      : { name: '' };
  }
  const voter = votes.find(vote => vote.action === 'edit' && vote.counts);
  return candidate !== undefined && !model.hasEdits && voter
    ? { name: formatVoterName(voter, host), identity: formatVoter(voter, host) }
    : {
        name: allOf(editors.slice(0, MAX_EDITORS), host.trans),
        identity: allOf(editors, host.trans) || undefined
      };
}

/** The agent's version, read-only. */
function OriginalValue({
  model,
  value,
  host
}: {
  model: IProposalModel;
  value: Json;
  host: IHost;
}): JSX.Element {
  return (
    <ValueEditor
      proposal={model.proposal}
      value={value}
      draft={null}
      fields={{}}
      readOnly
      host={host}
      onEdit={() => undefined}
      onUnfinished={() => undefined}
    />
  );
}
