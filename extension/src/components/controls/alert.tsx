/**
 * A bar with a message and at most a few buttons. Errors interrupt a screen reader, other messages do not.
 */

import type { ReactNode } from 'react';
import type { Tone } from './chip';
import { Icon, type IconName } from './icons';

interface IProps {
  tone: Exclude<Tone, 'neutral'>;
  icon?: IconName;
  children: ReactNode;
  /** The buttons at the end. */
  actions?: ReactNode;
}

const ICONS: { [tone in IProps['tone']]: IconName } = {
  brand: 'history',
  good: 'check',
  warn: 'warning',
  bad: 'warning'
};

/** A message bar. */
export function Alert({ tone, icon, children, actions }: IProps): JSX.Element {
  return (
    <div className={`jp-hitl-alert jp-mod-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={icon ?? ICONS[tone]} />
      <div className="jp-hitl-grow">{children}</div>
      {actions}
    </div>
  );
}
