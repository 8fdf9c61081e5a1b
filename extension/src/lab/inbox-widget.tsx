/**
 * The side panel with the inbox.
 */

import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { BoxPanel, type Widget } from '@lumino/widgets';
import type { IProposalSummary } from '../api/types';
import { InboxPanel } from '../inbox/inbox-panel';
import { INBOX_VIEWS, InboxModel } from '../inbox/stores/inbox-model';
import { WorkspaceStore } from '../inbox/stores/workspace-store';
import type { IKeptViews } from '../inbox/views/kept-views';
import { recallChoice, rememberChoice } from '../text/remembered-choice';
import type { IReview } from './tokens';
import { CardById, WorkspaceById } from '../components/proposal/loaders';

/** Create the inbox as a widget. `onMove` moves it to a tab of its own, or back. */
export function makeInboxWidget(
  model: InboxModel,
  review: IReview,
  options: { keptViews?: IKeptViews; onMove?: () => void } = {}
): Widget {
  rememberView(model);
  const workspaces = new WorkspaceStore(review.client, review.feed);
  const renderCard = (id: string): JSX.Element => <CardById key={id} id={id} host={review} />;
  const renderWorkspace = (id: string): JSX.Element => <WorkspaceById key={id} id={id} host={review} />;
  const openCell = (of: Pick<IProposalSummary, 'path' | 'agent'>): void => void review.openNotebook?.(of);
  const content = ReactWidget.create(
    <UseSignal signal={review.changed}>
      {() => (
        <InboxPanel
          model={model}
          workspaces={workspaces}
          host={review}
          renderCard={renderCard}
          renderWorkspace={renderWorkspace}
          onOpenCell={openCell}
          {...options}
        />
      )}
    </UseSignal>
  );
  // Keys are handled above React's root, whose elements see them first.
  const widget = new BoxPanel();
  widget.addWidget(content);
  review.keyListener.watch(widget.node, {
    move: (_, by) => {
      const step = by > 0 ? 'hitl-nb:focus-next-row' : 'hitl-nb:focus-previous-row';
      review.commandTargets.inbox?.[step]?.execute({});
      focusList(widget);
    },
    leave: () => focusList(widget)
  });
  widget.id = 'hitl-nb-inbox';
  widget.title.caption = review.trans.__('Proposals that wait for a decision');
  widget.addClass('jp-hitl-inbox-panel');
  return widget;
}

/** Give the list of the inbox the focus. */
function focusList(widget: Widget): void {
  widget.node.querySelector<HTMLElement>('.jp-hitl-list')?.focus();
}
/** Name under which the shown view is remembered. */
const VIEW_CHOICE = 'inbox-view';

/** Show the view that was shown last in this browser, and remember the next ones. */
function rememberView(model: InboxModel): void {
  const last = INBOX_VIEWS.find(view => view === recallChoice(VIEW_CHOICE));
  if (last) {
    model.showView(last);
  }
  model.changed.connect(() => {
    if (recallChoice(VIEW_CHOICE) !== model.shownView) {
      rememberChoice(VIEW_CHOICE, model.shownView);
    }
  });
}
