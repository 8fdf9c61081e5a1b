/**
 * The side panel with everything that waits, and its badge in the status bar.
 */

import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { useEffect, useState } from 'react';
import type { IProposal, ISummary } from '../api/types';
import { Inbox } from '../inbox/panel';
import { InboxModel } from '../inbox/model';
import { ProposalModel } from '../model/proposal';
import type { IReview } from '../tokens';
import { Card } from '../view/card';
import { visible } from '../view/visible';

/** The inbox as a widget for a side area. */
export function inboxWidget(model: InboxModel, review: IReview): ReactWidget {
  const renderCard = (id: string): JSX.Element => <ById key={id} id={id} review={review} />;
  const openCell = (proposal: ISummary): void => void review.openNotebook?.(proposal);
  const widget = ReactWidget.create(
    <UseSignal signal={review.changed}>
      {() => <Inbox model={model} host={review} renderCard={renderCard} onOpenCell={openCell} />}
    </UseSignal>
  );
  widget.id = 'hitl-nb-inbox';
  widget.title.caption = review.trans.__('Proposals that wait for a decision');
  widget.addClass('jp-hitl-inbox-panel');
  return widget;
}

/** The badge: how many wait. */
export function Badge(props: { model: InboxModel; review: IReview; onClick: () => void }): JSX.Element {
  const { model, review } = props;
  const [count, setCount] = useState(model.total);
  useEffect(() => {
    const changed = (): void => setCount(model.total);
    model.changed.connect(changed);
    changed(); // it may have changed before
    return () => {
      model.changed.disconnect(changed);
    };
  }, [model]);
  const text = review.trans._n('%1 waits', '%1 wait', count);
  return (
    <button
      type="button"
      className="jp-hitl-badge"
      title={review.trans.__('Proposals that wait for a decision; opens the inbox')}
      onClick={props.onClick}
    >
      {text}
    </button>
  );
}

/** A card of a proposal that is read when it is shown; another proposal is another element (`key`). */
export function ById({ id, review }: { id: string; review: IReview }): JSX.Element {
  const [model, setModel] = useState<ProposalModel | null>(null);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let made: ProposalModel | null = null;
    let gone = false;
    setProblem('');
    setModel(null);
    const show = async (): Promise<void> => {
      try {
        const proposal: IProposal = await review.client.proposal(id);
        const { run } = await review.client.run(proposal.run);
        if (!gone) {
          made = new ProposalModel(review, proposal, run);
          setModel(made);
        }
      } catch (reason) {
        if (!gone) {
          setProblem(reason instanceof Error ? reason.message : String(reason));
        }
      }
    };
    void show();
    return () => {
      gone = true;
      made?.dispose();
    };
  }, [id, review]);
  if (problem) {
    return (
      <p className="jp-hitl-wrong" role="alert">
        {visible(problem)}
      </p>
    );
  }
  if (!model) {
    return <p>{review.trans.__('Loading …')}</p>;
  }
  return <UseSignal signal={review.changed}>{() => <Card model={model} host={review} />}</UseSignal>;
}
