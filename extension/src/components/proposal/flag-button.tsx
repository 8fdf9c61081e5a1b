/**
 * "This was wrong…": says of an approval, after the decision, that it was wrong. The decision itself stays.
 */

import { useRef, useState } from 'react';
import type { IProposal, IProposalSummary } from '../../api/types';
import { Button } from '../controls/button';
import { ReasonPopover } from '../decide/reason-popover';
import { useUnsentText } from '../hooks/use-unsent-text';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';

interface IProps {
  proposal: IProposal | IProposalSummary;
  host: IHost;
}

/** The button with its pop-up; empty if nothing was approved, or if somebody has said so before. */
export function FlagButton({ proposal, host }: IProps): JSX.Element | null {
  const { trans, client } = host;
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [text, setText] = useUnsentText(host, proposal.id, 'flag');
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (!canFlag(proposal) || host.readOnly !== null) {
    return null;
  }
  const type = (typed: string): void => {
    setText(typed);
    setProblem(null);
  };
  const send = (): void => {
    setSending(true);
    client
      .flag(proposal.id, text.trim())
      .then(
        () => {
          setOpen(false);
          setText('');
        },
        (reason: unknown) => setProblem(reason instanceof Error ? reason.message : String(reason))
      )
      .finally(() => setSending(false));
  };
  return (
    <>
      <Button
        ref={button}
        small
        variant="quiet"
        icon="flag"
        opens="dialog"
        expanded={open}
        className="jp-hitl-flag"
        onClick={() => setOpen(!open)}
      >
        <span>{trans.__('This was wrong…')}</span>
      </Button>
      {open && (
        <ReasonPopover
          anchor={button}
          title={trans.__('“%1” was wrong', showHiddenCharacters(proposal.title))}
          label={trans.__('What was wrong? It is kept in the log, with your name.')}
          note={trans.__('The decision stays as it is, and so does what the agent did with it.')}
          text={text}
          onType={type}
          action={{ text: trans.__('Flag as wrong'), icon: 'flag', variant: 'danger-primary' }}
          required
          blocked={sending ? trans.__('Sending …') : problem && showHiddenCharacters(problem)}
          onSend={send}
          onClose={() => setOpen(false)}
          host={host}
        />
      )}
    </>
  );
}

/** Return true if something was approved that nobody has called wrong yet. */
function canFlag({ status, decision, doubt, flag }: IProposal | IProposalSummary): boolean {
  const approved = decision?.action === 'approve' || decision?.action === 'edit';
  return status === 'decided' && approved && !doubt && !flag;
}
