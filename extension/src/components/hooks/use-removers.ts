/**
 * Find the person who removed a row of a table or a step of a plan. People who are here, or were, are known; for others the log
 * of the document is read.
 */

import { useEffect, useMemo, useReducer } from 'react';
import type { Json } from '../../api/types';
import type { IDraft, IDraftChange } from '../../drafts/draft';
import { displayName } from '../../text/guest-names';
import { showHiddenCharacters } from '../../text/hidden-characters';
import type { DraftHistory } from '../../models/history';
import { diffSteps } from '../changes/plan-diff';
import type { IHost } from '../host';

/** Most updates that are replayed to find who removed a step. */
const MAX_UPDATES = 2000;

/** A removed row of a table. */
interface IRemoval {
  /** Id of the window that removed it; null if it was not removed. */
  client: number | null;
}

/** Return a function that names the person who removed a row; "" if that is not known. */
export function useRowRemovers(
  removed: readonly IRemoval[],
  draft: IDraft | null,
  history: (() => DraftHistory) | undefined,
  host: IHost
): (row: IRemoval) => string {
  const isUnknown = ({ client }: IRemoval): boolean => client !== null && !draft?.findPerson(client);
  const log = useLog(history, draft, removed.some(isUnknown));
  return ({ client }) => {
    const person = client === null ? null : (draft?.findPerson(client) ?? null);
    if (person) {
      return person.me ? host.trans.__('you') : showHiddenCharacters(person.name);
    }
    return client === null || !log ? '' : nameOf(log.replay.authors.ownerOf(client), log, host);
  };
}

/** Return a function that names the person who removed a step of a plan, by its index in the proposed plan. */
export function useStepRemovers(
  proposed: readonly Json[],
  hasRemoved: boolean,
  draft: IDraft | null,
  history: (() => DraftHistory) | undefined,
  host: IHost
): (from: number) => string {
  const log = useLog(history, draft, hasRemoved);
  const length = log?.replay.length ?? 0;
  const removers = useMemo(
    () => (log && length <= MAX_UPDATES ? findStepRemovers(log, proposed) : new Map<number, string>()),
    [log, length, proposed]
  );
  return from => (log ? nameOf(removers.get(from) ?? null, log, host) : '');
}

/** Find whose update made each step one that is removed, by its index in the proposed plan. */
export function findStepRemovers(
  { replay, moments }: Pick<DraftHistory, 'replay' | 'moments'>,
  proposed: readonly Json[]
): Map<number, string> {
  let gone = new Map<number, string>();
  moments.forEach(({ by }, i) => {
    const { value } = replay.documentAt(i + 1);
    const now = Array.isArray(value) ? diffSteps(proposed, value).filter(one => one.to === null) : [];
    gone = new Map(now.map(({ from }) => [from!, gone.get(from!) ?? by]));
  });
  return gone;
}

/** Read the log while it is needed. Returns null before that. */
function useLog(
  history: (() => DraftHistory) | undefined,
  draft: IDraft | null,
  needed: boolean
): DraftHistory | null {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const log = needed && draft !== null ? (history?.() ?? null) : null;
  useEffect(() => {
    if (log === null || draft === null) {
      return;
    }
    const onChange = (): void => (log.isReading ? undefined : redraw());
    const onEdit = (_: IDraft, { value }: IDraftChange): void => (value ? log.scheduleRead() : undefined);
    log.changed.connect(onChange);
    draft.changed.connect(onEdit);
    void log.read();
    return () => {
      log.changed.disconnect(onChange);
      draft.changed.disconnect(onEdit);
    };
  }, [log, draft]);
  return log;
}

/** The name of an author of the log; "" for the agent, and if nobody is known. */
function nameOf(by: string | null, { names }: DraftHistory, { trans, status }: IHost): string {
  if (!by) {
    return '';
  }
  return by === status?.user.username
    ? trans.__('you')
    : showHiddenCharacters(displayName(by, names.get(by) ?? by));
}
