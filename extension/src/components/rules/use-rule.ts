/**
 * A rule of a policy, as the server has it now.
 */

import { useEffect, useState } from 'react';
import type { IAppliedPolicy } from '../../api/types';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { IHost } from '../host';

/** A rule of a policy. */
export type IRule = IAppliedPolicy['rules'][number];

/**
 * Read a rule by its id. Undefined while it is read; null if it is not known: it may be removed, or the notebook moved.
 *
 * @param path - the notebook to which the policy applies; null if its place is unknown.
 */
export function useRule(id: string, path: string | null, { client }: IHost): IRule | null | undefined {
  const [rule, setRule] = useState<IRule | null>();
  useEffect(() => {
    let gone = false;
    const show = (found: IRule | null): void => {
      if (!gone) {
        setRule(found);
      }
    };
    setRule(undefined);
    if (path === null) {
      show(null);
    } else {
      client.getPolicy(path).then(
        ({ rules }) => show(rules.find(one => one.id === id) ?? null),
        () => show(null)
      );
    }
    return () => {
      gone = true;
    };
  }, [client, id, path]);
  return rule;
}

/** Return the parts of a rule's scope, such as "agent refunds". */
export function scopeOf({ scope }: IRule): string[] {
  return Object.entries(scope).map(([name, pattern]) => showHiddenCharacters(`${name} ${pattern}`));
}
