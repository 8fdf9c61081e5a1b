/**
 * Save status of a draft, as one word. Other states than "saved" are shown only after a delay, to avoid flicker.
 */

import type { IHost } from '../host';
import { useDelayed } from '../hooks/use-delayed';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Delay before the status of saving or of the connection is shown, in milliseconds. */
export const SAVING_DELAY_MS = 700;

/** The save status of a draft. */
export function SaveStatus({ saved: now, host }: { saved: string; host: IHost }): JSX.Element {
  const { trans } = host;
  const saved = useDelayed(now, 'saved', SAVING_DELAY_MS);
  const texts: { [state: string]: string } = {
    saved: '',
    saving: trans.__('Saving …'),
    loading: trans.__('Opening the draft …'),
    offline: trans.__('Not connected: your edits are kept here and sent when the server is available again.')
  };
  return (
    <span className="jp-hitl-saved" role="status">
      {texts[saved] ?? showHiddenCharacters(saved)}
    </span>
  );
}
