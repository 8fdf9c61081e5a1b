/**
 * A short word about a state, such as "In doubt". Its color repeats the word and is never the only sign.
 */

import type { ReactNode } from 'react';
import { Icon, type IconName } from './icons';

/** Tone of a state. */
export type Tone = 'brand' | 'good' | 'warn' | 'bad' | 'neutral';

interface IProps {
  children: ReactNode;
  tone?: Tone;
  /** An outline instead of a ground, for the name of a rule or a tag. */
  outlined?: boolean;
  icon?: IconName;
  title?: string;
}

/** A chip. */
export function Chip({ children, tone = 'neutral', outlined, icon, title }: IProps): JSX.Element {
  const modifier = outlined ? ' jp-mod-outlined' : tone === 'neutral' ? '' : ` jp-mod-${tone}`;
  return (
    <span className={`jp-hitl-chip${modifier}`} title={title}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}
