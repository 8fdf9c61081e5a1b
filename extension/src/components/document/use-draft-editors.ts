/**
 * The people who have edited a draft: those whom the server names, those who edit now, and this person.
 */

import { useEffect, useState } from 'react';
import type { IDraft, IDraftChange } from '../../drafts/draft';
import type { IProposalModel } from '../../models/interfaces';
import type { IHost } from '../host';

/** Return the names of the people who have edited the draft of an open proposal, this person first. */
export function useDraftEditors(model: IProposalModel, host: IHost): string[] {
  const { draft, canUndo, proposal } = model;
  const peers = usePeers(draft);
  const own = host.status?.user.display_name;
  const recorded = proposal.edited_by ?? [];
  const here = canUndo || (own !== undefined && recorded.includes(own));
  const others = [...peers, ...recorded].filter(name => name !== own);
  return [...(here ? [host.trans.__('you')] : []), ...new Set(others)];
}

/** The names of other people whose edits came since the draft was opened here. */
function usePeers(draft: IDraft | null): readonly string[] {
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    const onChange = (from: IDraft, { peers }: IDraftChange): void => {
      const found = peers.flatMap(client => {
        const person = from.findPerson(client);
        return person && !person.me ? [person.name] : [];
      });
      setNames(before => {
        const fresh = found.filter(name => !before.includes(name));
        return fresh.length > 0 ? [...new Set([...fresh, ...before])] : before;
      });
    };
    setNames([]);
    draft?.changed.connect(onChange);
    return () => void draft?.changed.disconnect(onChange);
  }, [draft]);
  return names;
}
