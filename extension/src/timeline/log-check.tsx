/**
 * Whether the audit log of a run is complete: "log complete, 31 events", or what is wrong.
 */

import { useCallback, useEffect, useState } from 'react';
import { ApiError } from '../api/errors';
import type { IRunVerification } from '../api/types';
import { IconButton } from '../components/controls/button';
import { Chip } from '../components/controls/chip';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';

/** Result of a check: the server's answer, why there is none, or null while it is not known or not allowed. */
export type LogCheckResult = IRunVerification | { readonly failed: string } | null;

/**
 * Check the log of a run once. A check reads the whole log of the store, so it is repeated only if a person asks.
 *
 * @returns the result, whether a check is in progress, and a function that checks again.
 */
export function useLogCheck(
  run: string,
  host: IHost
): { result: LogCheckResult; checking: boolean; again: () => void } {
  const { client } = host;
  const [result, setResult] = useState<LogCheckResult>(null);
  const [checking, setChecking] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let gone = false;
    const finish = (found: LogCheckResult): void => {
      if (!gone) {
        setResult(found);
        setChecking(false);
      }
    };
    setChecking(true);
    client.verifyRun(run).then(finish, (reason: unknown) => {
      const isForbidden = reason instanceof ApiError && reason.status === 403;
      finish(isForbidden ? null : { failed: reason instanceof Error ? reason.message : String(reason) });
    });
    return () => {
      gone = true;
    };
  }, [client, run, round]);
  return { result, checking, again: useCallback(() => setRound(n => n + 1), []) };
}

/** Describe the result of a check in one line; "" if there is none. */
export function logSentence(result: LogCheckResult, { trans }: IHost): string {
  if (result === null) {
    return '';
  }
  if ('failed' in result) {
    return trans.__('The log could not be checked: %1', showHiddenCharacters(result.failed));
  }
  const { ok, events, problem } = result;
  return ok
    ? trans._n('log complete, %1 event', 'log complete, %1 events', events)
    : trans.__('log not complete: %1', showHiddenCharacters(problem ?? ''));
}

/** The result of the check as a chip, with a button that checks again. Empty if this person may not read the log. */
export function LogCheck({ run, host }: { run: string; host: IHost }): JSX.Element | null {
  const { trans } = host;
  const { result, checking, again } = useLogCheck(run, host);
  if (result === null && !checking) {
    return null;
  }
  const isGood = result !== null && !('failed' in result) && result.ok;
  const isBad = result !== null && !('failed' in result) && !result.ok;
  return (
    <span className="jp-hitl-log-check" role="status">
      {checking ? (
        <span className="jp-hitl-small jp-hitl-muted">{trans.__('Checking the log …')}</span>
      ) : (
        <>
          <Chip
            icon={isGood ? 'shield' : 'warning'}
            tone={isGood ? 'good' : isBad ? 'bad' : 'warn'}
            title={trans.__('The whole audit log was checked, and the records of this run against it.')}
          >
            {logSentence(result, host)}
          </Chip>
          <IconButton small icon="restart" label={trans.__('Check the log again')} onClick={again} />
        </>
      )}
    </span>
  );
}
