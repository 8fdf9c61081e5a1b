/**
 * Mentions in comments: "@" and a name, while it is typed and when it is shown.
 */

import type { IMentionableUser } from '../../api/types';

/** A part of a text; `who` is the mentioned person, or null. */
export interface ITextPart {
  text: string;
  who: IMentionableUser | null;
}

/**
 * Split a text into mentions of these people and the parts between them. If several names fit, the longest one
 * counts.
 */
export function splitMentions(text: string, people: readonly IMentionableUser[]): ITextPart[] {
  const names = people
    .flatMap(who => [...new Set([who.name, who.username])].map(name => ({ name, who })))
    .filter(({ name }) => name !== '')
    .sort((one, other) => other.name.length - one.name.length);
  const found: ITextPart[] = [];
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const rest = text.slice(at + 1);
    const named = names.find(
      ({ name }) => rest.startsWith(name) && !/^[\p{L}\p{N}_]/u.test(rest.slice(name.length))
    );
    if (named && at >= from) {
      found.push({ text: text.slice(from, at), who: null });
      from = at + 1 + named.name.length;
      found.push({ text: text.slice(at, from), who: named.who });
    }
  }
  found.push({ text: text.slice(from), who: null });
  return found.filter(part => part.text !== '');
}

/** Return the user names of the people who are mentioned in a text. */
export function findMentions(text: string, people: readonly IMentionableUser[]): string[] {
  return [...new Set(splitMentions(text, people).flatMap(({ who }) => (who ? [who.username] : [])))];
}

/** A name that is being typed after "@". */
export interface ITypedName {
  /** Index of the "@". */
  at: number;
  /** The text after the "@", up to the cursor. */
  name: string;
}

/** Return the name that ends at the cursor, or null. */
export function findTypedName(text: string, cursor: number): ITypedName | null {
  const found = /(?:^|[\s(])@([^\s@]{0,40})$/.exec(text.slice(0, cursor));
  return found && { at: cursor - found[1].length - 1, name: found[1] };
}

/** Return the people whose name contains the typed text, at most 8. */
export function findCandidates(
  { name }: ITypedName,
  people: readonly IMentionableUser[]
): IMentionableUser[] {
  const typed = name.toLowerCase();
  return people
    .filter(one => [one.name, one.username].some(known => known.toLowerCase().includes(typed)))
    .slice(0, 8);
}
