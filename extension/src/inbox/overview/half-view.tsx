/**
 * A view with a search and filters, a list on one side and what is open of it on the other, in full. In a narrow panel
 * the one replaces the other.
 */

import type { ReactNode } from 'react';
import { Button } from '../../components/controls/button';
import type { IHost } from '../../components/host';
import { ShowsDetails } from '../../components/proposal/collapsed-card';
import { SearchField } from '../views/find-bar';
import { ListEnd } from './list-end';
import type { IPages } from './pages';

/** Search, filters, list and detail. */
export function HalfView(props: {
  host: IHost;
  wide: boolean;
  search: { label: string; value: string; onChange: (text: string) => void };
  /** The filters, beside the search. */
  filters: ReactNode;
  /** The rows that were read. */
  list: ReactNode;
  /** The pages of the list, and how many rows are shown of them. */
  pages: IPages<unknown>;
  shown: number;
  /** The message of an empty list. */
  empty: string;
  /** Null if nothing is open. */
  detail: ReactNode | null;
  onBack: () => void;
}): JSX.Element {
  const { host, wide, search, filters, list, pages, shown, empty, detail, onBack } = props;
  const covered = !wide && detail !== null;
  return (
    <>
      <div className="jp-hitl-find" hidden={covered}>
        <SearchField {...search} />
        {filters}
      </div>
      <div className="jp-hitl-columns jp-mod-half">
        <div className="jp-hitl-side" hidden={covered}>
          <div className="jp-hitl-overview-list">
            {list}
            <ListEnd pages={pages} shown={shown} host={host} empty={empty} />
          </div>
        </div>
        {(wide || covered) && (
          <div className="jp-hitl-detail jp-mod-plain">
            {covered && (
              <div className="jp-hitl-detail-bar">
                <Button small icon="left" onClick={onBack}>
                  {host.trans.__('Back')}
                </Button>
              </div>
            )}
            <ShowsDetails.Provider value={true}>{detail}</ShowsDetails.Provider>
          </div>
        )}
      </div>
    </>
  );
}
