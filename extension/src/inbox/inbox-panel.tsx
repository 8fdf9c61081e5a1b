/**
 * The inbox: its views, the list of what waits, which can be used with the keyboard, and the open card.
 */

import {
  ReactNode,
  RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState
} from 'react';
import { Alert } from '../components/controls/alert';
import { Button } from '../components/controls/button';
import { useKeyHints } from '../components/keys/key-hints';
import { KeysSheet } from '../components/keys/keys-sheet';
import type { IHost } from '../components/host';
import type { CommandArgs } from '../components/review-commands';
import { useRedraw } from '../components/use-redraw';
import { showHiddenCharacters } from '../text/hidden-characters';
import { BatchBar, BatchResult } from './batch/batch-bar';
import { BatchDialog } from './batch/batch-dialog';
import { confirmDecision } from './batch/decide-selection';
import { InboxDetail } from './inbox-detail';
import { makeInboxHandlers, OpenCell } from './inbox-commands';
import { ProposalList } from './list/proposal-list';
import { WorkspaceList } from './list/workspace-list';
import { DecidedView } from './overview/decided-view';
import { PassedView } from './overview/passed-view';
import { RunsView } from './runs/runs-view';
import { VotingFigures } from './overview/vote-figures';
import type { InboxModel } from './stores/inbox-model';
import { votingName } from './stores/voter';
import type { WorkspaceStore } from './stores/workspace-store';
import { useCounts } from './use-counts';
import { useBusyList, useHeldKey, useWideModel } from './use-panel';
import { EmptyList } from './views/empty-list';
import { FindBar } from './views/find-bar';
import type { IKeptViews } from './views/kept-views';
import { ArrivalsLine, ViewBar } from './views/view-bar';

/** Props of the inbox. */
export interface IInboxProps {
  model: InboxModel;
  host: IHost;
  renderCard: (id: string) => ReactNode;
  /** The open workspaces; without it none are shown. */
  workspaces?: WorkspaceStore;
  renderWorkspace?: (id: string) => ReactNode;
  onOpenCell?: OpenCell;
  /** The views that this person keeps; absent where none can be kept. */
  keptViews?: IKeptViews;
  /** Moves the inbox to a tab of its own, or back; absent where it cannot be moved. */
  onMove?: () => void;
}

/** The whole inbox: views, filters, list, and the open card. */
export function InboxPanel(props: IInboxProps): JSX.Element {
  const { model, host, renderCard, workspaces, keptViews, onOpenCell, onMove } = props;
  const { trans } = host;
  const list = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLElement>(null);
  const search = useRef<HTMLInputElement>(null);
  useRedraw(model, workspaces);
  useKeyHints(host);
  useWideModel(panel, model);
  useBusyList(panel, model);
  const isRepeated = useHeldKey();
  const user = votingName(host);
  useEffect(() => {
    model.user = user;
  }, [model, user]);
  const handlers = useMemo(
    () =>
      makeInboxHandlers(model, host, {
        ...{ openCell: onOpenCell, isRepeated },
        node: () => panel.current,
        focusSearch: () => search.current?.focus()
      }),
    [model, host, onOpenCell, isRepeated]
  );
  const run = useCallback((id: string, args: CommandArgs = {}) => handlers[id].execute(args), [handlers]);
  const onShowKeys = useCallback(() => run('hitl-nb:show-keys'), [run]);
  const focusList = useCallback(() => list.current?.focus(), []);
  const { commandTargets: targets } = host;
  useEffect(() => {
    if (targets) {
      targets.inbox = handlers;
      return () => {
        targets.inbox = targets.inbox === handlers ? null : targets.inbox;
      };
    }
  }, [targets, handlers]);
  const counts = useCounts(host);
  const { batch, opened, shownView, wide } = model;
  // Only the card or the workspace is open: the one that was opened last.
  const { moves } = model;
  useEffect(() => {
    if (moves > 0) {
      workspaces?.open(null);
    }
  }, [moves, workspaces]);
  const written = workspaces?.opened ?? null;
  const covered = !wide && (opened !== null || written !== null || model.table !== null);
  useFocusAfter(batch !== null, list);
  useFocusAfter(covered, list);
  return (
    <section
      ref={panel}
      className={`jp-hitl-inbox jp-hitl-root${wide ? ' jp-mod-wide' : ''}`}
      aria-label={trans.__('Inbox')}
      data-selecting={model.selected > 0 || undefined}
    >
      <ViewBar model={model} host={host} counts={counts} run={run} onMove={onMove} />
      <Problem model={model} host={host} />
      {model.help && <KeysSheet anchor={list} host={host} onClose={() => (model.help = false)} />}
      {model.result && (
        <BatchResult
          result={model.result}
          host={host}
          onOpen={({ proposal }) => model.show(proposal)}
          onClose={() => model.closeResult()}
        />
      )}
      <div hidden={!model.showsWaiting || covered}>
        <FindBar
          model={model}
          host={host}
          view={model.view}
          total={model.total}
          selected={model.selected}
          user={host.status?.user.username ?? null}
          search={search}
          keptViews={keptViews}
          run={run}
          onLeave={focusList}
        />
      </div>
      <div className="jp-hitl-columns" hidden={!model.showsWaiting}>
        <div className="jp-hitl-side" hidden={covered}>
          {workspaces && (
            <WorkspaceList
              workspaces={workspaces}
              host={host}
              onOpen={one => {
                model.close();
                workspaces.open(one);
              }}
            />
          )}
          <ArrivalsLine model={model} host={host} />
          <EmptyList model={model} host={host} />
          <ProposalList model={model} host={host} list={list} onShowKeys={onShowKeys} />
          <VotingFigures host={host} />
          <BatchBar model={model} host={host} run={run} />
        </div>
        {model.showsWaiting && <InboxDetail {...props} written={written} run={run} onLeave={focusList} />}
        {batch && <ConfirmBatch key={batchKey(batch)} model={model} host={host} list={list} />}
      </div>
      {shownView === 'passed' && <PassedView host={host} wide={wide} renderCard={renderCard} />}
      {shownView === 'runs' && <RunsView host={host} wide={wide} counted={counts?.runs} />}
      {shownView === 'decided' && <DecidedView host={host} wide={wide} renderCard={renderCard} />}
    </section>
  );
}

/** The dialog of the decision to confirm. */
function ConfirmBatch(props: {
  model: InboxModel;
  host: IHost;
  list: RefObject<HTMLDivElement>;
}): JSX.Element | null {
  const { model, host, list } = props;
  const [reason, setReason] = useState('');
  const { batch } = model;
  return batch === null ? null : (
    <BatchDialog
      batch={batch}
      host={host}
      anchor={list}
      reason={reason}
      onReason={setReason}
      onConfirm={() => void confirmDecision(model, host, reason.trim())}
      onCancel={() => model.cancel()}
    />
  );
}

const batchKeys = new WeakMap<object, number>();
let lastKey = 0;

/** Return a number that is different for each decision to confirm. */
function batchKey(batch: object): number {
  const known = batchKeys.get(batch) ?? ++lastKey;
  batchKeys.set(batch, known);
  return known;
}

/** Why an action was refused, or why the list could not be read. */
function Problem({ model, host }: { model: InboxModel; host: IHost }): JSX.Element | null {
  const { trans } = host;
  if (!model.problem) {
    return null;
  }
  const text = model.offline
    ? trans.__(
        'The server does not answer. Your edits are kept in this browser and sent when it is there again.'
      )
    : showHiddenCharacters(model.problem);
  return (
    <Alert
      tone="bad"
      icon={model.offline ? 'disconnected' : 'warning'}
      actions={
        model.offline && (
          <Button small onClick={() => void model.refresh()}>
            {trans.__('Try now')}
          </Button>
        )
      }
    >
      {text}
    </Alert>
  );
}

/** When the dialog or the card goes, the list gets the focus before another key can be pressed: no key is lost. */
function useFocusAfter(covers: boolean, list: RefObject<HTMLElement>): void {
  const before = useRef(false);
  useLayoutEffect(() => {
    if (before.current && !covers) {
      list.current?.focus();
    }
    before.current = covers;
  }, [covers, list]);
}
