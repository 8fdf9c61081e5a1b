/**
 * A view with a list on one side and what is open of it on the other, in full. In a narrow panel the one replaces the
 * other.
 */

import type { ReactNode } from 'react';
import { Button } from '../../components/controls/button';
import type { IHost } from '../../components/host';
import { ShowsDetails } from '../../components/proposal/collapsed-card';

/** List and detail. */
export function HalfView(props: {
  host: IHost;
  wide: boolean;
  /** The search and the filters. */
  find: ReactNode;
  list: ReactNode;
  /** Null if nothing is open. */
  detail: ReactNode | null;
  onBack: () => void;
}): JSX.Element {
  const { host, wide, find, list, detail, onBack } = props;
  const covered = !wide && detail !== null;
  return (
    <div className="jp-hitl-columns jp-mod-half">
      <div className="jp-hitl-side" hidden={covered}>
        {find}
        <div className="jp-hitl-overview-list">{list}</div>
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
  );
}
