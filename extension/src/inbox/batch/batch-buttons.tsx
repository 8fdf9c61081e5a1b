/**
 * The two buttons that decide the selected proposals; each opens the dialog that names them.
 */

import { Button } from '../../components/controls/button';
import type { IHost } from '../../components/host';
import { keyHint, keyShortcuts } from '../../components/keys/key-hints';

/** "Approve 3…" and "Reject 3…". */
export function BatchButtons(props: {
  /** How many proposals would be decided. */
  count: number;
  host: IHost;
  /** Id of the element that says why nothing can be decided now, or null. */
  blockedBy?: string | null;
  /** Runs a command of the inbox. */
  run: (id: string) => void;
}): JSX.Element {
  const { count, host, blockedBy, run } = props;
  const { trans } = host;
  return (
    <>
      <Button
        variant="primary"
        icon="check"
        keyHint={keyHint(host, 'hitl-nb:approve-proposals')}
        shortcuts={keyShortcuts(host, 'hitl-nb:approve-proposals')}
        opens="dialog"
        disabled={count === 0}
        blockedBy={blockedBy}
        onClick={() => run('hitl-nb:approve-proposals')}
      >
        {trans.__('Approve %1…', count)}
      </Button>
      <Button
        variant="danger"
        icon="cross"
        keyHint={keyHint(host, 'hitl-nb:reject-proposals')}
        shortcuts={keyShortcuts(host, 'hitl-nb:reject-proposals')}
        opens="dialog"
        disabled={count === 0}
        blockedBy={blockedBy}
        onClick={() => run('hitl-nb:reject-proposals')}
      >
        {trans.__('Reject %1…', count)}
      </Button>
    </>
  );
}
