/**
 * Hooks for texts that were typed and not sent. They outlive the component, and two cards of one proposal share them.
 */

import { useCallback, useSyncExternalStore } from 'react';
import type { IProposal } from '../../api/types';
import { type IUnsentText, type UnsentField, unsentTexts } from '../../models/unsent-texts';
import type { IHost } from '../host';

/** Return the text of a field, and a function that keeps another one; an empty one is forgotten. */
export function useUnsentText(
  host: IHost,
  subject: string,
  field: UnsentField
): [string, (text: string) => void] {
  const texts = unsentTexts(host);
  const subscribe = useCallback(
    (draw: () => void) => {
      texts.changed.connect(draw);
      return () => void texts.changed.disconnect(draw);
    },
    [texts]
  );
  const text = useSyncExternalStore(subscribe, () => texts.getText(subject, field) ?? '');
  const keep = useCallback(
    (typed: string) => texts.setText(subject, field, typed === '' ? undefined : typed),
    [texts, subject, field]
  );
  return [text, keep];
}

/**
 * List what was typed for a proposal and was not sent. The document of a workspace has a subject of its own: it continues
 * after the question, with its comments.
 */
export function listUnsent(host: IHost, { id, flag }: IProposal): IUnsentText[] {
  // A note about a wrong approval has its field until somebody else has flagged the approval.
  return unsentTexts(host)
    .list(id)
    .filter(({ purpose }) => purpose !== 'flag' || !!flag);
}
