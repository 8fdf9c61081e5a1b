/**
 * The initials of a person in a ring of the person's color.
 */

import { tintStyle } from '../field-presence';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  initials: string;
  /** Name for screen readers and the tooltip, such as "Ada approved 10 min ago". */
  label: string;
  /** Color of the ring; a neutral ring by default. */
  color?: string;
}

/** One person as initials. */
export function Face({ initials, label, color }: IProps): JSX.Element {
  return (
    <span
      className="jp-hitl-face"
      style={color ? tintStyle(color) : undefined}
      role="img"
      aria-label={label}
      title={label}
    >
      {showHiddenCharacters(initials)}
    </span>
  );
}

/** Return the initials of a name, at most two letters. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters =
    words.length > 1 ? [words[0], words[words.length - 1]].map(word => [...word][0]) : [...name];
  return letters.slice(0, 2).join('').toUpperCase();
}
