/**
 * The changes that an edit makes to the agent's version: as a unified diff, or both versions side by side.
 */

import { useState } from 'react';
import type { IProposal, Json } from '../../api/types';
import type { IHost } from '../host';
import { isText, sharingForm } from '../../drafts/sharing-forms';
import { SideBySide } from '../../codemirror/side-by-side';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  proposal: IProposal;
  /** The edited value. */
  value: Json;
  /** The changes as a unified diff, or "". */
  text: string;
  host: IHost;
}

/** Header lines of a unified diff, which only name the two versions. */
const HEADER_LINES = 2;

/** The changes to the agent's version. Empty if there are none. */
export function ValueDiff({ proposal, value, text, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const [beside, setBeside] = useState(false);
  if (!text) {
    return null;
  }
  const able = sharingForm(proposal.kind) !== 'table';
  return (
    <section className="jp-hitl-changes" aria-label={trans.__('Changes to the agent’s version')}>
      {able && (
        <button type="button" aria-pressed={beside} onClick={() => setBeside(!beside)}>
          {trans.__('Side by side')}
        </button>
      )}
      {able && beside ? (
        <SideBySide {...bothVersions(proposal, value)} names={[trans.__('Proposed'), trans.__('Edited')]} />
      ) : (
        <div className="jp-hitl-lines">
          {text
            .trimEnd()
            .split('\n')
            .slice(HEADER_LINES)
            .map((line, i) => (
              <div key={i} className={`jp-hitl-line jp-mod-${lineKind(line)}`}>
                {showHiddenCharacters(line)}
              </div>
            ))}
        </div>
      )}
    </section>
  );
}

/** Return both versions as text in the same format, so that only real changes differ. */
function bothVersions(proposal: IProposal, value: Json): { before: string; after: string } {
  if (isText(proposal.kind)) {
    return { before: proposal.text, after: String(value) };
  }
  return { before: JSON.stringify(proposal.value, null, 2), after: JSON.stringify(value, null, 2) };
}

function lineKind(line: string): string {
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same';
}
