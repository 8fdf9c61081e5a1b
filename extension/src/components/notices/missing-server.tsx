/**
 * The notice in place of cards if the Jupyter server does not have hitl_nb.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Alert } from '../controls/alert';
import { Button } from '../controls/button';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  /** The output's plain text. */
  text: string;
  agent: string;
  trans: TranslationBundle;
  onTryAgain: () => void;
}

/** The output's plain text, how hitl_nb is installed, and how to decide until then. */
export function MissingServerNotice({ text, agent, trans, onTryAgain }: IProps): JSX.Element {
  const again = (
    <Button small onClick={onTryAgain}>
      {trans.__('Try again')}
    </Button>
  );
  return (
    <div className="jp-hitl-plain jp-hitl-root">
      <pre>{showHiddenCharacters(text)}</pre>
      <div className="jp-hitl-bar-alone">
        <Alert tone="warn" icon="disconnected" actions={again}>
          <b>{trans.__('The review cards need hitl_nb on this Jupyter server.')}</b> {trans.__('Run')}{' '}
          <code className="jp-hitl-mono">pip install hitl_nb</code>{' '}
          {trans.__('where the server runs, restart it, and reload. Until then:')}{' '}
          <code className="jp-hitl-mono">%hitl widget {showHiddenCharacters(agent)}</code>
        </Alert>
      </div>
    </div>
  );
}
