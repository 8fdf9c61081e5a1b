/**
 * The bar at the top of the page: the previous and the next proposal, and the place of this one.
 */

import { IconButton } from '../components/controls/button';
import { keyShortcuts } from '../components/keys/key-hints';
import type { PageHost } from './page-host';
import type { IReviewQueue } from './review-queue';
import { showHiddenCharacters } from '../text/hidden-characters';

interface IProps {
  host: PageHost;
  /** The place of the proposal; null for a workspace. */
  queue: IReviewQueue | null;
  onGo: (id: string) => void;
  /** Whether the connection is lost. */
  lost: boolean;
}

/** Previous, "3 of 12 for you", Next. */
export function PageBar({ host, queue, onGo, lost }: IProps): JSX.Element {
  const { trans } = host;
  return (
    <nav className="jp-hitl-page-bar" aria-label={trans.__('Proposals for you')}>
      {queue && (
        <IconButton
          icon="left"
          label={trans.__('Previous')}
          shortcuts={keyShortcuts(host, 'hitl-nb:focus-previous-card')}
          disabled={queue.previous === null}
          onClick={() => onGo(queue.previous!)}
        />
      )}
      <div className="jp-hitl-grow jp-hitl-muted" role="status">
        {queue && <div>{describePlace(queue, host)}</div>}
        {lost && <div>{trans.__('Not connected; trying again …')}</div>}
      </div>
      {queue && (
        <IconButton
          icon="right"
          label={trans.__('Next')}
          shortcuts={keyShortcuts(host, 'hitl-nb:focus-next-card')}
          disabled={queue.next === null}
          onClick={() => onGo(queue.next!)}
        />
      )}
    </nav>
  );
}

function describePlace({ position, total, problem }: IReviewQueue, { trans }: PageHost): string {
  if (problem) {
    return showHiddenCharacters(problem);
  }
  if (position > 0) {
    return trans.__('%1 of %2 for you', position, total);
  }
  return total > 0 ? trans.__('%1 for you', total) : trans.__('Nothing waits for you');
}
