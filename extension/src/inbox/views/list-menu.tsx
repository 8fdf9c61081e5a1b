/**
 * The menu of the list: select all, collapse all groups, and the views that a person keeps. A pop-up keeps the current
 * view.
 */

import { RefObject, useId, useState } from 'react';
import { Button } from '../../components/controls/button';
import { MenuItem } from '../../components/controls/menu-item';
import { Menu, Popover } from '../../components/controls/popover';
import type { IHost } from '../../components/host';
import { useRedraw } from '../../components/use-redraw';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { InboxModel } from '../stores/inbox-model';
import { IKeptView, IKeptViews, MAX_KEPT_VIEWS } from './kept-views';

interface IProps {
  model: InboxModel;
  host: IHost;
  /** Absent where no views can be kept. */
  keptViews?: IKeptViews;
  /** Runs a command of the inbox. */
  run: (id: string) => void;
  anchor: RefObject<HTMLElement>;
  onClose: () => void;
}

/** The menu of the list. */
export function ListMenu(props: IProps): JSX.Element {
  const { model, host, keptViews, run, anchor, onClose } = props;
  const { trans } = host;
  useRedraw(keptViews);
  const [keeping, setKeeping] = useState(false);
  const views = keptViews?.views ?? [];
  const shown = views.find(view => JSON.stringify(choiceOf(view)) === JSON.stringify(choiceOf(model.choice)));
  const doAndClose = (act: () => unknown) => (): void => {
    onClose();
    act();
  };
  const show = (view: IKeptView): void => {
    model.showView(view.mine ? 'mine' : 'all');
    model.choice = choiceOf(view);
  };
  if (keeping && keptViews) {
    return (
      <KeepPopover
        {...props}
        onKeep={name => {
          const kept = { name, mine: model.shownView === 'mine', ...choiceOf(model.choice) };
          void keptViews.save([...views.filter(view => view.name !== name), kept]);
          onClose();
        }}
      />
    );
  }
  const full = views.length >= MAX_KEPT_VIEWS;
  const { groups } = model.view;
  return (
    <Menu anchor={anchor} label={trans.__('More of the list')} onClose={onClose}>
      <MenuItem
        icon="check"
        disabled={model.selectable.length === 0 && model.selected === 0}
        onClick={doAndClose(() => run('hitl-nb:select-all'))}
      >
        {model.allSelected ? trans.__('Select nothing') : trans.__('Select all shown')}
      </MenuItem>
      {groups.length > 0 && (
        <MenuItem icon="down" onClick={doAndClose(() => run('hitl-nb:collapse-all'))}>
          {groups.some(group => !group.collapsed)
            ? trans.__('Collapse all groups')
            : trans.__('Expand all groups')}
        </MenuItem>
      )}
      {keptViews && <hr />}
      {views.map(view => (
        <MenuItem
          key={view.name}
          icon={view === shown ? 'check' : 'filter'}
          onClick={doAndClose(() => show(view))}
        >
          {showHiddenCharacters(view.name)}
        </MenuItem>
      ))}
      {keptViews && (
        <MenuItem
          icon="add"
          disabled={full}
          hint={full ? trans.__('At most %1 are kept: remove one first', MAX_KEPT_VIEWS) : undefined}
          onClick={() => setKeeping(true)}
        >
          {trans.__('Keep this view…')}
        </MenuItem>
      )}
      {keptViews && shown && (
        <MenuItem
          icon="cross"
          danger
          onClick={doAndClose(() => void keptViews.save(views.filter(view => view !== shown)))}
        >
          {trans.__('Remove “%1”', showHiddenCharacters(shown.name))}
        </MenuItem>
      )}
    </Menu>
  );
}

/** Return the parts of a view in a fixed order, without its name. */
function choiceOf({ search, filters, sort, grouping }: InboxModel['choice']): InboxModel['choice'] {
  return { search, filters, sort, grouping };
}

function KeepPopover({
  host,
  anchor,
  onClose,
  onKeep
}: IProps & { onKeep: (name: string) => void }): JSX.Element {
  const { trans } = host;
  const [name, setName] = useState('');
  const field = useId();
  const keep = (): void => {
    if (name.trim()) {
      onKeep(name.trim());
    }
  };
  return (
    <Popover
      anchor={anchor}
      title={trans.__('Keep this view')}
      onClose={onClose}
      onSubmit={keep}
      footer={
        <>
          <Button variant="primary" disabled={!name.trim()} onClick={keep}>
            {trans.__('Keep')}
          </Button>
          <Button variant="quiet" onClick={onClose}>
            {trans.__('Cancel')}
          </Button>
        </>
      }
    >
      <label htmlFor={field}>{trans.__('Name')}</label>
      <input
        id={field}
        type="text"
        maxLength={40}
        value={name}
        onChange={event => setName(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            keep();
          }
        }}
      />
    </Popover>
  );
}
