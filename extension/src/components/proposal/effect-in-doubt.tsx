/**
 * The card of an effect in doubt: facts about the call, three answers of which none is preselected, and one button
 * that names the consequence. No key decides it, and nothing is shared before the decision.
 */

import { useId, useRef, useState } from 'react';
import type { IDoubt, Json } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { CommentsPanel } from '../comments/comments-panel';
import { Alert } from '../controls/alert';
import { Button, IconButton } from '../controls/button';
import { useUnsentText } from '../hooks/use-unsent-text';
import type { IHost } from '../host';
import { unsentTexts } from '../../models/unsent-texts';
import { copyOrSay } from '../keys/announcer';
import { keyShortcuts } from '../keys/key-hints';
import { KeysButton } from '../keys/keys-button';
import { DisconnectedNotice } from '../notices/card-notices';
import { stateOf } from '../states/proposal-state';
import { formatWhen } from '../proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { useCardCommands } from '../use-card-commands';
import { useOffline } from '../decide/use-offline';
import { CardHead } from './card-head';
import { CardMenu } from './card-menu';
import { TermsView } from './review-terms';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

type DoubtAnswer = 'yes' | 'no' | 'stop';

/** The card of a question whether an effect happened. */
export function DoubtCard({ model, host }: IProps): JSX.Element {
  const { proposal } = model;
  const heading = useId();
  const doubt = proposal.doubt!;
  const open = proposal.status === 'open';
  const [commentsAsked, setCommentsAsked] = useState(0);
  const { conflict, run } = model;
  const isOffline = useOffline(model, host) && open;
  const state = stateOf({ proposal, run, conflict, isOffline }, host);
  return (
    <article
      className={`jp-hitl-card jp-hitl-root jp-mod-${proposal.status}`}
      data-state={state.name}
      data-tone={state.tone}
      data-proposal={proposal.id}
      aria-labelledby={heading}
      tabIndex={-1}
    >
      <CardHead
        id={heading}
        proposal={proposal}
        state={state}
        menu={<CardMenu proposal={proposal} run={run} host={host} />}
        host={host}
      />
      {open && <LookUpAdvice doubt={doubt} host={host} />}
      <TermsView model={model} host={host} />
      <section className="jp-hitl-section" aria-label={host.trans.__('The call')}>
        <DoubtFacts doubt={doubt} host={host} />
        {proposal.notes?.map(note => (
          <p key={note} className="jp-hitl-muted">
            {showHiddenCharacters(note)}
          </p>
        ))}
      </section>
      {open && (
        <AnswerForm
          key={proposal.id}
          model={model}
          doubt={doubt}
          isOffline={isOffline}
          host={host}
          onComments={() => setCommentsAsked(n => n + 1)}
        />
      )}
      {model.discussion && (
        <CommentsPanel
          discussion={model.discussion}
          marks={null}
          draft={null}
          asked={commentsAsked}
          host={host}
        />
      )}
    </article>
  );
}

function LookUpAdvice({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <Alert tone="warn">
      {doubt.died ? trans.__('The kernel died while') : trans.__('The run was interrupted while')}{' '}
      <code>{showHiddenCharacters(doubt.call)}</code>{' '}
      {trans.__('was being called. Nobody can know from here whether it took effect.')}{' '}
      <b>{trans.__('Look it up before you choose:')}</b>{' '}
      {trans.__('after a wrong answer it happens twice, or not at all.')}
    </Alert>
  );
}

function DoubtFacts({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  const given = Object.entries(doubt.arguments).map(([name, text]) => `${name} = ${text}`);
  const gone = doubt.died
    ? trans.__('%1, the kernel was gone at %2', formatWhen(doubt.began), formatWhen(doubt.noticed))
    : trans.__('%1, the run was interrupted before %2', formatWhen(doubt.began), formatWhen(doubt.noticed));
  return (
    <dl className="jp-hitl-facts">
      <div>
        <dt>{trans.__('called with')}</dt>
        <dd>
          <code>{given.length > 0 ? showHiddenCharacters(given.join(', ')) : trans.__('nothing')}</code>
        </dd>
      </div>
      <div>
        <dt>{trans.__('began')}</dt>
        <dd>{gone}</dd>
      </div>
      <div>
        <dt>{trans.__('idempotency key')}</dt>
        <dd>
          <code>{showHiddenCharacters(doubt.idempotency_key)}</code>{' '}
          <CopyButton text={doubt.idempotency_key} host={host} />
        </dd>
      </div>
    </dl>
  );
}

function CopyButton({ text, host }: { text: string; host: IHost }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = (): void => void copyOrSay(text, host.trans).then(setCopied);
  return (
    <button type="button" className="jp-hitl-link" onClick={copy}>
      {copied ? host.trans.__('Copied') : host.trans.__('Copy')}
    </button>
  );
}

interface IAnswerProps extends IProps {
  doubt: IDoubt;
  /** Whether the connection is lost: then deciding waits. */
  isOffline: boolean;
  onComments: () => void;
}

function AnswerForm(props: IAnswerProps): JSX.Element {
  const { model, doubt, isOffline, host, onComments } = props;
  const { trans } = host;
  const group = useId();
  const field = useId();
  const why = useId();
  const first = useRef<HTMLInputElement>(null);
  const [chosen, choose] = useState<DoubtAnswer | null>(null);
  const [result, setResult] = useUnsentText(host, model.proposal.id, 'result');
  const again = trans.__('%1 is called again.', showHiddenCharacters(doubt.call));
  const answers: [DoubtAnswer, string, string, string][] = [
    [
      'yes',
      trans.__('Yes, it happened'),
      trans.__('The agent continues with the result that you give. Nothing is called.'),
      trans.__('Continue as if it happened')
    ],
    [
      'no',
      trans.__('No, it did not happen'),
      again,
      trans.__('Call %1 again', showHiddenCharacters(doubt.call))
    ],
    [
      'stop',
      trans.__('Stop the run instead'),
      trans.__('Nothing is called; --restart starts the run again. If you do not know yet, leave this open.'),
      trans.__('Stop the run')
    ]
  ];
  const { may } = model.proposal;
  const barred = may?.actions.includes('edit') === false ? may.why_not : null;
  const unable = model.isDeciding || host.readOnly !== null || barred !== null;
  const blocked = unable || isOffline;
  const primary = answers.find(([answer]) => answer === chosen)?.[3] ?? trans.__('Continue');
  const fields = Object.entries(model.fields).map(([path, text]) => (path ? `${path}: ${text}` : text));
  const footer = useRef<HTMLElement>(null);
  useCardCommands(host, model.proposal.id, footer, {
    'hitl-nb:edit-value': { isEnabled: () => !unable, execute: () => first.current?.focus() },
    'hitl-nb:comment-proposal': { isEnabled: () => model.discussion !== null, execute: onComments }
  });
  const send = async (answer: DoubtAnswer): Promise<void> => {
    if (await model.decide('edit', { value: makeAnswer(answer, result, model.proposal.schema) })) {
      unsentTexts(host).noteDecision(model.proposal.id);
      if (answer === 'yes') {
        setResult('');
      }
    }
  };
  const decide = (): void => {
    if (chosen !== null && !blocked) {
      void send(chosen);
    }
  };
  return (
    <>
      <section className="jp-hitl-section" aria-label={trans.__('Did it happen?')}>
        <div role="radiogroup" aria-label={trans.__('Did it happen?')} className="jp-hitl-answers">
          {answers.map(([answer, name, then]) => (
            <div key={answer} className={`jp-hitl-answer${answer === chosen ? ' jp-mod-chosen' : ''}`}>
              <label>
                <input
                  ref={answer === 'yes' ? first : undefined}
                  type="radio"
                  name={group}
                  checked={answer === chosen}
                  disabled={unable}
                  onChange={() => choose(answer)}
                />
                <span>
                  <b>{name}</b>
                  <span>{then}</span>
                </span>
              </label>
              {answer === 'yes' && chosen === 'yes' && (
                <div className="jp-hitl-result">
                  <label htmlFor={field}>{trans.__('What did it return? (text, number or JSON)')}</label>
                  <input
                    id={field}
                    type="text"
                    value={result}
                    disabled={unable}
                    aria-invalid={fields.length > 0}
                    onChange={event => setResult(event.target.value)}
                  />
                </div>
              )}
            </div>
          ))}
        </div>
        {fields.map(text => (
          <p key={text} className="jp-hitl-error">
            {showHiddenCharacters(text)}
          </p>
        ))}
      </section>
      {isOffline && <DisconnectedNotice model={model} host={host} />}
      {model.problem && <Alert tone="bad">{showHiddenCharacters(model.problem)}</Alert>}
      <footer ref={footer} className="jp-hitl-decision-bar">
        <Button
          variant={chosen === 'stop' ? 'danger-primary' : 'primary'}
          blockedBy={chosen === null || blocked ? why : null}
          icon="play"
          onClick={decide}
        >
          {primary}
        </Button>
        <span id={why} className="jp-hitl-decision-end">
          {host.readOnly ??
            (barred ? showHiddenCharacters(barred) : null) ??
            (isOffline ? trans.__('Deciding waits for the connection.') : null) ??
            (chosen === null
              ? trans.__('Choose what happened first; no key decides this')
              : trans.__('No key decides this'))}
        </span>
        {model.discussion && (
          <IconButton
            icon="comment"
            label={trans.__('Comments')}
            shortcuts={keyShortcuts(host, 'hitl-nb:comment-proposal')}
            onClick={onComments}
          />
        )}
        <KeysButton host={host} proposal={model.proposal.id} />
      </footer>
    </>
  );
}

function makeAnswer(chosen: DoubtAnswer, result: string, schema: Json): Json {
  if (chosen !== 'yes') {
    return { happened: chosen === 'no' ? false : 'stop' };
  }
  const text = result.trim();
  return text ? { happened: true, result: parseResult(text, schema) } : { happened: true };
}

/** Parse the typed result of a step: JSON, or else text. If the step returns text, a number stays text too. */
export function parseResult(text: string, schema: Json): Json {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'string' || !returnsText(schema) ? value : text;
  } catch {
    return text;
  }
}

function returnsText(schema: Json): boolean {
  const found = ['then', 'properties', 'result', 'type'].reduce<Json | undefined>(
    (part, name) =>
      typeof part === 'object' && part !== null && !Array.isArray(part) ? part[name] : undefined,
    schema
  );
  return found === 'string';
}
