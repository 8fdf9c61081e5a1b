/**
 * The end of a list: that it is empty or being read, why it could not be read, or a button for more.
 */

import { Alert } from '../../components/controls/alert';
import { Button } from '../../components/controls/button';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IPages } from './pages';

/** The end of a list. */
export function ListEnd(props: {
  pages: IPages<unknown>;
  /** How many rows are shown of those that were read. */
  shown: number;
  host: IHost;
  /** The message of an empty list. */
  empty: string;
}): JSX.Element {
  const { pages, shown, host, empty } = props;
  const { trans } = host;
  return (
    <>
      {pages.problem && <Alert tone="bad">{showHiddenCharacters(pages.problem)}</Alert>}
      {!pages.loaded && !pages.problem && <p className="jp-hitl-empty">{trans.__('Loading …')}</p>}
      {pages.loaded && shown === 0 && !pages.more && <p className="jp-hitl-empty">{empty}</p>}
      {pages.more && (
        <div className="jp-hitl-more">
          <Button small onClick={pages.more}>
            {trans.__('Show more')}
          </Button>
        </div>
      )}
    </>
  );
}
