/**
 * Buttons: with a word, with an icon alone, and one with a menu beside it.
 */

import { forwardRef, type MouseEvent, type ReactNode } from 'react';
import { Icon, type IconName } from './icons';

/** Props of a button. */
export interface IButtonProps {
  children: ReactNode;
  onClick: (event: MouseEvent<HTMLButtonElement>) => void;
  icon?: IconName;
  /** "primary": the one filled button; "danger": rejects or stops; "danger-primary": filled, in a dialog. */
  variant?: 'primary' | 'danger' | 'danger-primary' | 'quiet';
  small?: boolean;
  /** Key that does the same, as text for people ("A"). */
  keyHint?: string;
  /** Whether the button cannot be pressed now and has nothing to say about it. */
  disabled?: boolean;
  /** Why it cannot be pressed now: the button keeps the focus, and the id of the sentence is its description. */
  blockedBy?: string | null;
  pressed?: boolean;
  /** Whether the pop-up of this button is open. */
  expanded?: boolean;
  /** Kind of pop-up that the button opens. */
  opens?: 'menu' | 'dialog';
  title?: string;
  /** Keys in the form of `aria-keyshortcuts`. */
  shortcuts?: string;
  /** Further class of the button. */
  className?: string;
}

/** A button with a word. */
export const Button = forwardRef<HTMLButtonElement, IButtonProps>(function Button(props, node) {
  const { children, icon, variant, small, keyHint } = props;
  return (
    <button ref={node} {...commonAttributes(props, [variant, small && 'small'])} title={props.title}>
      {icon && <Icon name={icon} />}
      {children}
      {keyHint && (
        <span className="jp-hitl-kbd" aria-hidden="true">
          {keyHint}
        </span>
      )}
    </button>
  );
});

/** Props of a button with an icon alone. */
export type IIconButtonProps = Omit<IButtonProps, 'children' | 'icon' | 'title'> & {
  icon: IconName;
  /** The name of the button, also its tooltip. */
  label: string;
  /** A short text beside the icon, such as a count. */
  count?: ReactNode;
};

/** A button with an icon alone. */
export const IconButton = forwardRef<HTMLButtonElement, IIconButtonProps>(function IconButton(props, node) {
  const { icon, label, variant = 'quiet', small, count, keyHint } = props;
  const modifiers = [variant, small && 'small', count === undefined && 'icon'];
  return (
    <button
      ref={node}
      {...commonAttributes({ ...props, children: null }, modifiers)}
      aria-label={label}
      title={keyHint ? `${label} (${keyHint})` : label}
    >
      <Icon name={icon} />
      {count}
    </button>
  );
});

function commonAttributes(props: IButtonProps, modifiers: (string | false | undefined)[]) {
  const { onClick, blockedBy, disabled, pressed, expanded, opens, shortcuts, className } = props;
  const blocked = blockedBy !== undefined && blockedBy !== null;
  return {
    type: 'button' as const,
    className: ['jp-hitl-btn', ...modifiers.flatMap(one => (one ? `jp-mod-${one}` : [])), className ?? '']
      .join(' ')
      .trim(),
    disabled,
    'aria-disabled': blocked || undefined,
    'aria-describedby': blockedBy || undefined,
    'aria-pressed': pressed,
    'aria-expanded': expanded,
    'aria-haspopup': opens,
    'aria-keyshortcuts': shortcuts,
    onClick: (event: MouseEvent<HTMLButtonElement>) => {
      if (!blocked) {
        onClick(event);
      }
    }
  };
}
