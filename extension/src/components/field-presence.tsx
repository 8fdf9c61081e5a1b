/**
 * Where the others are, in editors that are no text: their initials at the field that they are in.
 */

import { createContext, type CSSProperties, useContext } from 'react';
import type { IPerson } from '../drafts/draft';
import type { IHost } from './host';
import { showHiddenCharacters } from '../text/hidden-characters';

/** The others by the place where they are; see `placeAttributes`. */
export const FieldPresenceContext = createContext<ReadonlyMap<string, readonly IPerson[]>>(new Map());

/** The others of these people, by the place where they are. */
export function groupByPlace(people: readonly IPerson[]): Map<string, IPerson[]> {
  const found = new Map<string, IPerson[]>();
  for (const person of people) {
    if (!person.me && person.focus !== null) {
      found.set(person.focus, [...(found.get(person.focus) ?? []), person]);
    }
  }
  return found;
}

/** Places by their elements. Not an attribute: the names in a path are the agent's words. */
const places = new WeakMap<Element, string>();

/** What makes an element a place where somebody can be. */
export function placeAttributes(path: string): { ref: (node: Element | null) => void } {
  return {
    ref: node => {
      if (node) {
        places.set(node, path);
      }
    }
  };
}

/** The place that something on the page is in, or null. */
export function placeOf(target: EventTarget): string | null {
  for (let node = target instanceof Element ? target : null; node; node = node.parentElement) {
    const found = places.get(node);
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

/** Somebody's colour, for styles. */
export function tintStyle(color: string): CSSProperties {
  return { '--hitl-person': color } as CSSProperties;
}

/** Who is here beside this person. */
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
