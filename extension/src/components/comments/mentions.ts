/**
 * People in a comment: "@" and their name, as it is typed and as it is shown.
 */

import type { IMentionableUser } from '../../api/types';

/** A part of a text; `who` is the person that it names. */
export interface ITextPart {
  text: string;
  who: IMentionableUser | null;
}

/** A text in parts: those that name one of these people, and what is between. The longest name counts. */
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

/** The user names of whom a text calls. */
export function findMentions(text: string, people: readonly IMentionableUser[]): string[] {
  return [...new Set(splitMentions(text, people).flatMap(({ who }) => (who ? [who.username] : [])))];
}

/** A name that is being typed. */
export interface ITypedName {
  /** Where its "@" is. */
  at: number;
  /** What follows that, up to the cursor. */
  name: string;
}

/** The name that ends at the cursor, if one does. */
export function findTypedName(text: string, cursor: number): ITypedName | null {
  const found = /(?:^|[\s(])@([^\s@]{0,40})$/.exec(text.slice(0, cursor));
  return found && { at: cursor - found[1].length - 1, name: found[1] };
}

/** Whom it may be, at most as many as can be read at a glance. */
export function findCandidates(
  { name }: ITypedName,
  people: readonly IMentionableUser[]
): IMentionableUser[] {
  const typed = name.toLowerCase();
  return people
    .filter(one => [one.name, one.username].some(known => known.toLowerCase().includes(typed)))
    .slice(0, 8);
}
