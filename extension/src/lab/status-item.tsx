/**
 * The number of proposals for this person: as an item of the status bar, and at the tab of the inbox.
 */

import { LabIcon } from '@jupyterlab/ui-components';
import type { Title, Widget } from '@lumino/widgets';
import { Icon, iconSvg } from '../components/controls/icons';
import { useRedraw } from '../components/use-redraw';
import type { InboxModel } from '../inbox/stores/inbox-model';
import { formatAge } from '../text/times';
import { showHiddenCharacters } from '../text/hidden-characters';
import type { IReview } from './tokens';

/** Largest number that is shown; the item has a fixed width. */
const MAX_SHOWN = 9999;

interface IProps {
  model: InboxModel;
  review: IReview;
  onClick: () => void;
}

/** The item "12 for you". Its width never changes, so that nothing in the status bar moves. */
export function StatusItem({ model, review, onClick }: IProps): JSX.Element {
  useRedraw(model);
  const { trans } = review;
  const { forYou } = model;
  const oldest = forYou[0];
  const text =
    forYou.length > 0 ? trans.__('%1 for you', formatCount(forYou.length)) : trans.__('none for you');
  const title = oldest
    ? trans.__(
        'Oldest: %1, asked %2',
        showHiddenCharacters(oldest.title),
        formatAge(oldest.created_at, Date.now(), trans)
      )
    : trans.__('Nothing waits for you');
  return (
    <button type="button" className="jp-hitl-status-item" title={title} onClick={onClick}>
      <Icon name="bell" />
      <span>{text}</span>
    </button>
  );
}

/** Keep the number of proposals for this person at the tab of the inbox. */
export function showCountAtTab(title: Title<Widget>, model: InboxModel): void {
  title.icon = new LabIcon({ name: 'hitl-nb:inbox', svgstr: iconSvg('bell') });
  const update = (): void => {
    const count = model.forYou.length;
    const shown = count > 0 ? formatCount(count) : '';
    if (title.dataset['hitl-count'] !== shown) {
      title.dataset = { ...title.dataset, 'hitl-count': shown };
    }
  };
  model.changed.connect(update);
  update();
}

function formatCount(count: number): string {
  return count > MAX_SHOWN ? `${MAX_SHOWN}+` : String(count);
}
