/**
 * One action of a menu.
 */

import { Icon, type IconName } from './icons';

interface IProps {
  children: string;
  icon: IconName;
  onClick: () => void;
  /** A second line about what it does. */
  hint?: string;
  /** Key that does the same, as text for people. */
  keyHint?: string;
  disabled?: boolean;
  danger?: boolean;
}

/** A menu item. */
export function MenuItem({ children, icon, onClick, hint, keyHint, disabled, danger }: IProps): JSX.Element {
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      disabled={disabled}
      className={danger ? 'jp-mod-danger' : undefined}
      onClick={onClick}
    >
      <Icon name={icon} />
      <span>{children}</span>
      {keyHint ? (
        <span className="jp-hitl-kbd" aria-hidden="true">
          {keyHint}
        </span>
      ) : (
        <span />
      )}
      {hint && <small>{hint}</small>}
    </button>
  );
}
