/**
 * The inbox: a list of the waiting proposals, which can be used with the keyboard.
 */

import { ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef } from 'react';
import type { IHost } from '../components/host';
import { KeysSheet } from '../components/keys/keys-sheet';
import type { CommandArgs } from '../components/review-commands';
import { useRedraw } from '../components/use-redraw';
import { showHiddenCharacters } from '../text/hidden-characters';
import { ConfirmDecision } from './confirm-decision';
import { confirmDecision } from './decide-selection';
import { DetailPane } from './detail-pane';
import { makeInboxHandlers, OpenCell, votingName } from './inbox-commands';
import { VotingFigures } from './overview/vote-figures';
import { ProposalList } from './proposal-list';
import type { IConfirmation, InboxModel } from './inbox-model';
import { PassedList } from './overview/passed-questions';
import { FilterBar } from './filter-bar';
import type { WorkspaceStore } from './stores/workspace-store';
import { WorkspaceList } from './workspace-list';

/** The whole inbox: views, filters, list, and the open card. */
export function InboxPanel(props: {
  model: InboxModel;
  host: IHost;
  renderCard: (id: string) => ReactNode;
  /** The open workspaces; without it none are shown. */
  workspaces?: WorkspaceStore;
  renderWorkspace?: (id: string) => ReactNode;
  onOpenCell?: OpenCell;
}): JSX.Element {
  const { model, host, renderCard, workspaces, renderWorkspace, onOpenCell } = props;
  const { trans } = host;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    model.changed.connect(redraw);
    redraw(); // the model may have changed before
    return () => {
      model.changed.disconnect(redraw);
    };
  }, [model]);
  useRedraw(workspaces);
  const handlers = useMemo(() => makeInboxHandlers(model, host, onOpenCell), [model, host, onOpenCell]);
  const run = useCallback((id: string, args: CommandArgs = {}) => handlers[id].execute(args), [handlers]);
  const onShowKeys = useCallback(() => run('hitl-nb:show-keys'), [run]);
  const { commandTargets: targets } = host;
  useEffect(() => {
    if (targets) {
      targets.inbox = handlers;
      return () => {
        targets.inbox = targets.inbox === handlers ? null : targets.inbox;
      };
    }
  }, [targets, handlers]);

  const { confirmation: asked, opened, help, passed } = model;
  const round = useConfirmationCount(asked);
  const before = useRef<IConfirmation | null>(null);
  // The focus moves before another key can be pressed, so that no key is lost.
  useLayoutEffect(() => {
    if (before.current && !asked) {
      list.current?.focus();
    }
    before.current = asked;
  }, [asked]);

  const id = opened?.id;
  // Only the card or the workspace is open: the one that was opened last.
  useEffect(() => {
    if (id !== undefined) {
      workspaces?.open(null);
    }
  }, [id, workspaces]);
  const written = workspaces?.opened ?? null;
  const writtenId = written?.id;
  // The element stays the same for the same card, so that moving in the list does not draw the card again.
  const card = useMemo(() => (id === undefined ? null : renderCard(id)), [id, renderCard]);
  const document = useMemo(
    () => (writtenId === undefined ? null : renderWorkspace?.(writtenId)),
    [writtenId, renderWorkspace]
  );
  return (
    <section className="jp-hitl-inbox" aria-label={trans.__('Inbox')}>
      <ViewSwitch model={model} host={host} run={run} />
      {!passed && (
        <FilterBar
          model={model}
          host={host}
          view={model.view}
          total={model.total}
          selected={model.selected}
          all={model.allSelected}
          user={host.status?.user.username ?? null}
          run={run}
        />
      )}
      {model.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(model.problem)}
        </p>
      )}
      {asked && (
        <ConfirmDecision
          key={round}
          asked={asked}
          model={model}
          host={host}
          onConfirm={reason => void confirmDecision(model, host, reason)}
          onCancel={() => model.cancel()}
        />
      )}
      {help && <KeysSheet anchor={list} host={host} onClose={() => (model.help = false)} />}
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
      {passed ? (
        <PassedList host={host} onOpen={one => model.show(one)} />
      ) : (
        <ProposalList model={model} host={host} list={list} onShowKeys={onShowKeys} />
      )}
      <VotingFigures host={host} />
      {written && !opened && (
        <DetailPane
          opened={written}
          edits={0}
          host={host}
          card={document}
          cell={trans.__('Open notebook')}
          onOpenCell={onOpenCell && (() => onOpenCell(written))}
          onClose={() => workspaces?.open(null)}
          onLeave={() => list.current?.focus()}
        />
      )}
      {opened && (
        <DetailPane
          opened={opened}
          edits={model.edits}
          host={host}
          card={card}
          cell={trans.__('Go to the cell')}
          onOpenCell={onOpenCell && (() => run('hitl-nb:open-cell', { proposal: opened.id }))}
          onClose={() => {
            model.close();
            list.current?.focus();
          }}
          onLeave={() => list.current?.focus()}
        />
      )}
    </section>
  );
}

/** Switch between all waiting proposals, those for this person, and those that a policy decided. */
function ViewSwitch(props: {
  model: InboxModel;
  host: IHost;
  run: (id: string, args: CommandArgs) => void;
}): JSX.Element {
  const { model, host, run } = props;
  const { trans } = host;
  const { passed, mine } = model;
  const all: [string, string, boolean][] = [
    ['all', trans.__('All waiting (%1)', model.total), !passed && mine === null],
    ['mine', trans.__('For me (%1)', model.view.mine), !passed && mine !== null],
    ['passed', trans.__('Passed by policy'), passed]
  ];
  const views = votingName(host) === null ? all.filter(([view]) => view !== 'mine') : all;
  return (
    <div className="jp-hitl-views" role="group" aria-label={trans.__('Show')}>
      {views.map(([view, name, on]) => (
        <button key={view} type="button" aria-pressed={on} onClick={() => run('hitl-nb:show-view', { view })}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** Return a number that is different for each confirmation. */
function useConfirmationCount(asked: IConfirmation | null): number {
  const last = useRef({ asked, round: 0 });
  if (last.current.asked !== asked) {
    last.current = { asked, round: last.current.round + 1 };
  }
  return last.current.round;
}
