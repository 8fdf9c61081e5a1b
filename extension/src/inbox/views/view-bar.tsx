/**
 * The views of the inbox as buttons with counts. In a narrow panel the last ones are in a menu.
 */

import { useRef, useState } from 'react';
import type { IProposalCounts } from '../../api/types';
import { Button, IconButton } from '../../components/controls/button';
import { MenuItem } from '../../components/controls/menu-item';
import { Menu } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import type { CommandArgs } from '../../components/review-commands';
import type { InboxModel, InboxView } from '../stores/inbox-model';
import { votingName } from '../stores/voter';

/** How many views a narrow panel shows as buttons. */
const NARROW_VIEWS = 2;

interface IViewButton {
  view: InboxView;
  name: string;
  count: number | null;
}

/** The buttons of the views. */
export function ViewBar(props: {
  model: InboxModel;
  host: IHost;
  /** Numbers from the server; null while they are not known. */
  counts: Pick<IProposalCounts, 'passed' | 'runs'> | null;
  run: (id: string, args: CommandArgs) => void;
  /** Moves the inbox to a tab of its own, or back; absent where it cannot be moved. */
  onMove?: () => void;
}): JSX.Element {
  const { model, host, counts, run, onMove } = props;
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const more = useRef<HTMLButtonElement>(null);
  const all: IViewButton[] = [
    { view: 'mine', name: trans.__('For me'), count: model.mineTotal },
    { view: 'all', name: trans.__('All waiting'), count: model.total },
    { view: 'passed', name: trans.__('Passed by policy'), count: counts?.passed || null },
    { view: 'decided', name: trans.__('Decided'), count: null },
    { view: 'runs', name: trans.__('Runs'), count: counts?.runs || null }
  ];
  const views = votingName(host) === null ? all.filter(({ view }) => view !== 'mine') : all;
  const shown = model.wide ? views : views.slice(0, NARROW_VIEWS);
  const hidden = views.slice(shown.length);
  const hiddenView = hidden.find(({ view }) => view === model.shownView);
  const show = (view: InboxView): void => run('hitl-nb:show-view', { view });
  return (
    <div className="jp-hitl-views">
      <div role="group" aria-label={trans.__('Views')}>
        {shown.map(({ view, name, count }) => (
          <button key={view} type="button" aria-pressed={model.shownView === view} onClick={() => show(view)}>
            {name} {count !== null && <b>{count}</b>}
          </button>
        ))}
        {hidden.length > 0 && (
          <button
            ref={more}
            type="button"
            className={hiddenView ? 'jp-mod-current' : undefined}
            aria-haspopup="menu"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {hiddenView?.name ?? trans.__('More')} <span aria-hidden="true">▾</span>
          </button>
        )}
      </div>
      {onMove && (
        <IconButton
          icon="open"
          small
          label={model.wide ? trans.__('Beside the notebook') : trans.__('In a tab of its own')}
          onClick={onMove}
        />
      )}
      {open && (
        <Menu anchor={more} label={trans.__('More views')} onClose={() => setOpen(false)}>
          {hidden.map(({ view, name, count }) => (
            <MenuItem
              key={view}
              icon={VIEW_ICONS[view]}
              onClick={() => {
                setOpen(false);
                show(view);
              }}
            >
              {count ? trans.__('%1 (%2)', name, count) : name}
            </MenuItem>
          ))}
        </Menu>
      )}
    </div>
  );
}

const VIEW_ICONS = {
  mine: 'people',
  all: 'clock',
  passed: 'shield',
  decided: 'check',
  runs: 'chart'
} as const;

/** A line above the list: new proposals wait until the person wants to see them. */
export function ArrivalsLine({ model, host }: { model: InboxModel; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const count = model.arrivals;
  return count > 0 ? (
    <div className="jp-hitl-arrivals">
      <Button small icon="up" onClick={() => model.showArrivals()}>
        {trans._n('%1 new', '%1 new', count)}
      </Button>
    </div>
  ) : null;
}
