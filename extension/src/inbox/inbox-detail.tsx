/**
 * The part beside the list: the card of a proposal, a workspace, or alike proposals as a table.
 */

import { ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { IProposal, IWorkspaceSummary } from '../api/types';
import { DecisionSurroundings, IDecisionSurroundings } from '../components/decide/decision-surroundings';
import type { IHost } from '../components/host';
import { announce } from '../components/keys/announcer';
import { decisionWord } from '../components/states/decision-word';
import { stateOf } from '../components/states/proposal-state';
import type { CommandArgs } from '../components/review-commands';
import { AlikeTable } from './batch/alike-table';
import { DetailPane, IHandledRequests, IPosition } from './detail-pane';
import type { OpenCell } from './inbox-commands';
import type { InboxModel } from './stores/inbox-model';

/** A card is drawn at most so often while a person moves through the list, in milliseconds. */
const CARD_PAUSE_MS = 150;

interface IProps {
  model: InboxModel;
  host: IHost;
  renderCard: (id: string) => ReactNode;
  renderWorkspace?: (id: string) => ReactNode;
  onOpenCell?: OpenCell;
  /** The open workspace, or null. */
  written: IWorkspaceSummary | null;
  workspaces?: { open(workspace: null): void };
  run: (id: string, args?: CommandArgs) => void;
  /** Gives the list the focus. */
  onLeave: () => void;
}

/** The open card, workspace or table. */
export function InboxDetail(props: IProps): JSX.Element | null {
  const { model, host, renderCard, renderWorkspace, onOpenCell, written, run, onLeave } = props;
  const { trans } = host;
  const { opened, wide } = model;
  const id = useSettled(opened?.id ?? null);
  const writtenId = written?.id;
  // The element stays the same for the same card, so that moving in the list does not draw the card again.
  const card = useMemo(() => (id === null ? null : renderCard(id)), [id, renderCard]);
  const document = useMemo(
    () => (writtenId === undefined ? null : renderWorkspace?.(writtenId)),
    [writtenId, renderWorkspace]
  );
  const [focuses, setFocuses] = useState(0);
  const handled = useRef<IHandledRequests>({ edits: model.edits, focuses: 0 });
  const focusCard = useCallback(() => setFocuses(n => n + 1), []);
  const surroundings = useSurroundings(model, host, id, onLeave, focusCard);
  const covers = !wide && (opened !== null || written !== null);
  useEffect(() => {
    if (covers) {
      focusCard(); // the list, which had the focus, is hidden
    }
  }, [covers, focusCard]);
  const group = model.view.groups.find(one => one.key === model.table);
  const close = (): void => {
    model.close();
    props.workspaces?.open(null);
    onLeave();
  };
  if (group) {
    return <AlikeTable key={group.key} group={group} model={model} host={host} run={run} onLeave={onLeave} />;
  }
  if (written && (!opened || wide)) {
    return (
      <DetailPane
        opened={written}
        edits={0}
        focuses={focuses}
        handled={handled}
        isSettled
        host={host}
        card={document}
        position={null}
        cell={trans.__('Open notebook')}
        onOpenCell={onOpenCell && (() => onOpenCell(written))}
        onClose={close}
        onLeave={wide ? onLeave : close}
      />
    );
  }
  if (!opened || id === null) {
    return wide ? <div className="jp-hitl-detail" /> : null;
  }
  const alike = model.view.groups.find(
    one => one.alike.length > 1 && one.alike.some(p => p.id === opened.id)
  );
  return (
    <DetailPane
      opened={opened}
      edits={model.edits}
      focuses={focuses}
      handled={handled}
      isSettled={id === opened.id}
      host={host}
      card={<DecisionSurroundings.Provider value={surroundings}>{card}</DecisionSurroundings.Provider>}
      position={positionOf(model, run)}
      cell={trans.__('Go to the cell')}
      onOpenCell={onOpenCell && (() => run('hitl-nb:open-cell', { proposal: opened.id }))}
      onClose={wide ? undefined : close}
      onLeave={wide ? onLeave : close}
      onTable={alike && (() => model.showTable(alike.key))}
      note={model.selected > 0 ? trans.__('Keys act on the %1 selected', model.selected) : undefined}
    />
  );
}

/**
 * Return what the open card knows about the inbox. After a decision the next row's card is shown, unless the person has
 * gone to another row. The focus goes to the list, or to the card in its place (`focusCard`).
 */
function useSurroundings(
  model: InboxModel,
  host: IHost,
  id: string | null,
  onLeave: () => void,
  focusCard: () => void
): IDecisionSurroundings {
  const { selected } = model;
  const hasNext = model.showsWaiting && model.shown.length > 1;
  return useMemo(
    () => ({
      hasNext,
      selected,
      onDecided: proposal => {
        announce(decidedSentence(proposal, model, host));
        if (model.current !== id) {
          return;
        }
        model.moveOn();
        if (model.wide) {
          onLeave();
        } else {
          focusCard();
        }
      }
    }),
    [model, host, id, onLeave, focusCard, hasNext, selected]
  );
}

/** "Approved. 3 more wait." */
function decidedSentence(proposal: IProposal, { shown }: InboxModel, host: IHost): string {
  const { trans } = host;
  const isOpen = proposal.status === 'open';
  const word = isOpen ? stateOf({ proposal }, host).text : decisionWord(proposal, host).text;
  const left = shown.filter(({ id }) => id !== proposal.id).length;
  return left > 0
    ? trans._n('%2. %1 more waits.', '%2. %1 more wait.', left, word)
    : trans.__('%1. Nothing else waits here.', word);
}

/** Return where the open card is in the list; null if it is not there. */
function positionOf(model: InboxModel, run: IProps['run']): IPosition | null {
  const { opened, shown, view } = model;
  const place = view.places.get(opened?.id ?? '');
  if (!opened || !place || shown.length === 0) {
    return null;
  }
  const ended = shown[place.row]?.id !== opened.id;
  return {
    at: Math.min(place.row + 1, shown.length),
    size: shown.length,
    onMove: by => {
      if (!ended) {
        model.goTo(opened.id);
      }
      run(by > 0 ? 'hitl-nb:focus-next-row' : 'hitl-nb:focus-previous-row');
      if (!model.wide && model.currentProposal) {
        model.open(model.currentProposal);
      }
    }
  };
}

/** Return a value that follows another one at once, but not more often than once in `CARD_PAUSE_MS`. */
function useSettled(value: string | null): string | null {
  const [shown, setShown] = useState(value);
  const last = useRef(0);
  useEffect(() => {
    if (value === shown) {
      return;
    }
    const left = last.current + CARD_PAUSE_MS - Date.now();
    const show = (): void => {
      last.current = Date.now();
      setShown(value);
    };
    if (left <= 0) {
      show();
      return;
    }
    const timer = setTimeout(show, left);
    return () => clearTimeout(timer);
  }, [value, shown]);
  return shown;
}
