/**
 * The message bars of a card: at most two, the worst first.
 */

import type { ReactNode } from 'react';
import type { IProposalModel } from '../../models/interfaces';
import { Alert } from '../controls/alert';
import { Button } from '../controls/button';
import { whyInvalid } from '../decide/primary-action';
import type { IHost } from '../host';
import type { ICardState } from '../states/proposal-state';
import { formatVoter, formatVoterName } from '../proposal-status';
import { allOf } from '../terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ConflictNotice } from './conflict';
import { nameErrorPlace } from './error-place';

/** Most message bars of one card. */
const MAX_NOTICES = 2;

interface IProps {
  model: IProposalModel;
  state: ICardState;
  host: IHost;
  /** Move the focus to the first place that must be corrected. */
  onGoThere: () => void;
}

/** The message bars of an open proposal. */
export function Notices(props: IProps): JSX.Element {
  const { model, host, state } = props;
  const { conflict, problem, proposal } = model;
  const edited = model.hasEdits || proposal.candidate !== undefined;
  const found: (ReactNode | false)[] = [
    state.name === 'disconnected' && <DisconnectedNotice key="offline" {...props} />,
    conflict !== null && <ConflictNotice key="conflict" surprise={conflict} problem={problem} host={host} />,
    conflict === null && problem !== '' && (
      <Alert key="problem" tone="bad">
        {showHiddenCharacters(problem)}
      </Alert>
    ),
    whyInvalid(model, host) !== null && <InvalidNotice key="invalid" {...props} />,
    !!proposal.stuck && <StuckNotice key="stuck" {...props} />,
    (proposal.untold ?? []).length > 0 && <UntoldNotice key="untold" {...props} />,
    proposal.candidate !== undefined && <CandidateNotice key="candidate" {...props} />,
    edited && (proposal.guardrails ?? []).length > 0 && <GuardrailsNotice key="guardrails" {...props} />
  ];
  return <>{found.filter(Boolean).slice(0, MAX_NOTICES)}</>;
}

/** Says that the server does not answer. */
export function DisconnectedNotice({ model, host }: Pick<IProps, 'model' | 'host'>): JSX.Element {
  const { trans } = host;
  return (
    <Alert
      tone="bad"
      icon="disconnected"
      actions={
        <Button
          small
          onClick={() => {
            model.draft?.reconnect();
            host.feed.reconnect();
          }}
        >
          {trans.__('Try now')}
        </Button>
      }
    >
      <b>{trans.__('The server does not answer.')}</b>{' '}
      {trans.__('Your edits are kept in this browser and sent when it is there again.')}
    </Alert>
  );
}

/** The first message, with its place. How much must be fixed is said beside the buttons. */
function InvalidNotice({ model, host, onGoThere }: IProps): JSX.Element {
  const { invalidReason, fields, proposal } = model;
  const namePlace = (path: string): string =>
    nameErrorPlace(path, proposal, model.value, model.draft?.removedRows ?? [], host);
  const messages = [
    ...(invalidReason ? [invalidReason] : []),
    ...Object.entries(fields).map(([path, message]) => (path ? `${namePlace(path)}: ${message}` : message))
  ];
  return (
    <Alert
      tone="warn"
      actions={
        <Button small onClick={onGoThere}>
          {host.trans.__('Go there')}
        </Button>
      }
    >
      {showHiddenCharacters(messages[0] ?? '')}
    </Alert>
  );
}

function StuckNotice({ model, host }: IProps): JSX.Element {
  const { trans } = host;
  const { stuck = '', fallback } = model.proposal;
  // A server of an older version does not say whom the policy asks instead.
  const others =
    fallback === undefined
      ? ''
      : fallback.length > 0
        ? trans.__('Its fallback was asked too: %1.', allOf(fallback.map(showHiddenCharacters), trans))
        : trans.__('Its policy names no fallback.');
  return (
    <Alert tone="warn">
      <b>{trans.__('Nobody can decide this:')}</b> {showHiddenCharacters(stuck)}
      {others && `. ${others}`}
    </Alert>
  );
}

function UntoldNotice({ model, host }: IProps): JSX.Element {
  const names = (model.proposal.untold ?? []).map(showHiddenCharacters).join(', ');
  return (
    <Alert tone="warn" icon="bell">
      <b>{host.trans.__('No notification reached:')}</b> {names}
    </Alert>
  );
}

/** People vote on an edited value. */
function CandidateNotice({ model, host }: IProps): JSX.Element {
  const { votes = [] } = model.proposal;
  const by = votes.find(vote => vote.action === 'edit' && vote.counts);
  return (
    <Alert tone="good" icon="pencil">
      <span title={by && formatVoter(by, host)}>
        {by
          ? host.trans.__('Changed by %1. You vote on the changed value.', formatVoterName(by, host))
          : host.trans.__('It was changed. You vote on the changed value.')}
      </span>
    </Alert>
  );
}

function GuardrailsNotice({ host }: IProps): JSX.Element {
  return (
    <Alert tone="brand" icon="shield">
      {host.trans.__('Guardrails look at the changed value again when the run continues.')}
    </Alert>
  );
}
