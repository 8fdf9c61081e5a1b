/**
 * Presence in editors that are not plain text: initials of the other people at the field that they are in.
 */

import { createContext, type CSSProperties, useContext } from 'react';
import type { IPerson } from '../drafts/draft';
import type { IHost } from './host';
import { showHiddenCharacters } from '../text/hidden-characters';

/** The other people by their place; see `placeAttributes`. */
export const FieldPresenceContext = createContext<ReadonlyMap<string, readonly IPerson[]>>(new Map());

/** Group all people except the current user by their place. */
export function groupByPlace(people: readonly IPerson[]): Map<string, IPerson[]> {
  const found = new Map<string, IPerson[]>();
  for (const person of people) {
    if (!person.me && person.focus !== null) {
      found.set(person.focus, [...(found.get(person.focus) ?? []), person]);
    }
  }
  return found;
}

/** Places by element. An attribute would put the agent's words (names in the path) into the page. */
const places = new WeakMap<Element, string>();

/** Props that make an element a place where people can be. */
export function placeAttributes(path: string): { ref: (node: Element | null) => void } {
  return {
    ref: node => {
      if (node) {
        places.set(node, path);
      }
    }
  };
}

/** Return the place that contains an event target, or null. */
export function placeOf(target: EventTarget): string | null {
  for (let node = target instanceof Element ? target : null; node; node = node.parentElement) {
    const found = places.get(node);
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

/** Return a style with a person's color. */
export function tintStyle(color: string): CSSProperties {
  return { '--hitl-person': color } as CSSProperties;
}

/** The initials of the other people at one place. */
export function FieldPresence({ path, host }: { path: string; host: IHost }): JSX.Element | null {
  const people = useContext(FieldPresenceContext).get(path);
  return people ? (
    <span className="jp-hitl-field-presence">
      {people.map(({ client, name, initials, color }) => (
        <span
          key={client}
          className="jp-hitl-person"
          style={tintStyle(color)}
          title={host.trans.__('%1 is here', showHiddenCharacters(name))}
        >
          {showHiddenCharacters(initials)}
        </span>
      ))}
    </span>
  ) : null;
}
