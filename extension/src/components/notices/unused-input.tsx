/**
 * A notice for what was typed in this window and not used, because the proposal was decided: edits, a reason, an
 * answer, a comment. It can be looked at and copied.
 */

import { useState } from 'react';
import { formatSource } from '../../api/json';
import type { IProposal } from '../../api/types';
import { SideBySide } from '../../codemirror/side-by-side';
import type { IDecisionConflict } from '../../models/interfaces';
import { type IUnsentText, type UnsentPurpose, unsentTexts } from '../../models/unsent-texts';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { countChanges } from '../changes/change-count';
import { formatAsText } from '../changes/path-diff';
import { Alert } from '../controls/alert';
import { Button, IconButton } from '../controls/button';
import type { IHost } from '../host';
import { copyOrSay } from '../keys/announcer';
import { formatDeciderName } from '../proposal-status';

/** The value as it was edited here, and as it is now. */
export type IDraftConflict = NonNullable<IDecisionConflict['draft']>;

interface IProps {
  /** The proposal as it was when it was edited. */
  shown: IProposal;
  /** The closed proposal. */
  now: IProposal;
  /** Absent if no edits were left out. */
  draft?: IDraftConflict;
  /** The texts that were not sent. */
  texts: readonly IUnsentText[];
  host: IHost;
}

/** Says who decided while this person was typing, and what was not used. Nothing is drawn if everything was used. */
export function UnusedInput({ shown, now, draft, texts, host }: IProps): JSX.Element | null {
  const { trans } = host;
  const [open, setOpen] = useState(false);
  const [copied, setCopied] = useState(false);
  if (!draft && texts.length === 0) {
    return null;
  }
  const copy = async (): Promise<void> => {
    const done = await copyOrSay(joinInput(draft, texts, host), trans);
    setCopied(done);
    if (!done) {
      setOpen(true); // so that the text can be selected
    }
  };
  const actions = (
    <>
      <Button small expanded={open} onClick={() => setOpen(!open)}>
        {open ? trans.__('Hide them') : trans.__('Show them')}
      </Button>
      <Button small onClick={() => void copy()}>
        {copied ? trans.__('Copied') : trans.__('Copy them')}
      </Button>
      {!draft && (
        <IconButton
          icon="cross"
          small
          label={trans.__('Drop them')}
          onClick={() => unsentTexts(host).drop(now.id)}
        />
      )}
    </>
  );
  return (
    <>
      <Alert tone="warn" actions={actions}>
        <b>{closedSentence(now, host)}</b> {draft && changesSentence(shown, draft, host)}{' '}
        {unsentSentence(texts, host)}
      </Alert>
      {open && draft && (
        <SideBySide
          before={formatAsText(draft.shown)}
          after={formatAsText(draft.now)}
          names={[trans.__('Your text'), trans.__('Decided')]}
        />
      )}
      {open && texts.length > 0 && (
        <dl className="jp-hitl-facts jp-hitl-unsent">
          {texts.map(({ purpose, text }, i) => (
            <div key={i}>
              <dt>{fieldName(purpose, host)}</dt>
              <dd>{showHiddenCharacters(text)}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

/** Join all that was typed into one text, with the names of the fields if there are several. */
function joinInput(draft: IDraftConflict | undefined, texts: readonly IUnsentText[], host: IHost): string {
  const value = draft ? [formatSource(draft.shown)] : [];
  if (value.length + texts.length === 1) {
    return value[0] ?? texts[0].text;
  }
  return [...value, ...texts.map(({ purpose, text }) => `${fieldName(purpose, host)}: ${text}`)].join('\n\n');
}

function fieldName(purpose: UnsentPurpose, { trans }: IHost): string {
  const names: { [purpose in UnsentPurpose]: string } = {
    approve: trans.__('Reason for an approval'),
    reject: trans.__('Reason for a rejection'),
    answer: trans.__('Answer'),
    result: trans.__('Result of the call'),
    flag: trans.__('Note about the approval'),
    comment: trans.__('Comment'),
    suggestion: trans.__('Suggestion'),
    reply: trans.__('Reply')
  };
  return names[purpose];
}

function changesSentence(shown: IProposal, draft: IDraftConflict, { trans }: IHost): string {
  const count = Math.max(1, countChanges(shown, shown.value, draft.shown));
  return trans._n('Your %1 change was not used.', 'Your %1 changes were not used.', count);
}

/** "Your reason and comment were not sent." */
function unsentSentence(texts: readonly IUnsentText[], { trans }: IHost): string {
  const words: { [purpose in UnsentPurpose]: string } = {
    approve: trans.__('reason'),
    reject: trans.__('reason'),
    answer: trans.__('answer'),
    result: trans.__('result'),
    flag: trans.__('note'),
    comment: trans.__('comment'),
    suggestion: trans.__('suggestion'),
    reply: trans.__('reply')
  };
  const all = [...new Set(texts.map(({ purpose }) => words[purpose]))];
  const last = all.pop();
  if (last === undefined) {
    return '';
  }
  return all.length === 0
    ? trans.__('Your %1 was not sent.', last)
    : trans.__('Your %1 and %2 were not sent.', all.join(', '), last);
}

/** Say who closed the proposal; "" if this window did. */
function closedSentence({ id, decision }: IProposal, host: IHost): string {
  const { trans } = host;
  if (decision === null) {
    return trans.__('This was closed while you were typing.');
  }
  if (unsentTexts(host).hasDecided(id)) {
    return '';
  }
  const name = formatDeciderName(decision, host);
  switch (decision.action) {
    case 'reject':
      return trans.__('%1 rejected this while you were typing.', name);
    case 'respond':
      return trans.__('%1 answered this while you were typing.', name);
    default:
      return trans.__('%1 approved this while you were typing.', name);
  }
}
