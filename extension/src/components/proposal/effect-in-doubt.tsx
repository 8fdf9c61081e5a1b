/**
 * The card of an effect in doubt: facts about the call, three answers of which none is preselected, and one button
 * that names the consequence. No key decides it, and nothing is shared before the decision.
 */

import { useId, useRef, useState } from 'react';
import type { IDoubt, IProposal, Json } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { CommentList } from '../comments/comment-list';
import type { IHost } from '../host';
import { useChanges } from '../use-redraw';
import { effectState, proposalState, formatWhen } from '../proposal-status';
import { TermsView } from './review-terms';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { DecisionLine } from './decision-bar';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

type DoubtAnswer = 'yes' | 'no' | 'stop';

/** The card of a question whether an effect happened. */
export function DoubtCard({ model, host }: IProps): JSX.Element {
  useChanges(model, host);
  const { proposal } = model;
  const heading = useId();
  const doubt = proposal.doubt!;
  const open = proposal.status === 'open';
  return (
    <article
      className={`jp-hitl-card jp-mod-${proposal.status}${open ? ' jp-mod-doubt' : ''}`}
      aria-labelledby={heading}
    >
      <header>
        <h3 id={heading}>{showHiddenCharacters(proposal.title)}</h3>
        <span className={`jp-hitl-state${open ? ' jp-hitl-chip' : ''}`} aria-live="polite">
          {open ? `⚠ ${host.trans.__('In doubt')}` : proposalState(proposal, host)}
        </span>
      </header>
      {open && <LookUpAdvice doubt={doubt} host={host} />}
      <TermsView model={model} host={host} />
      <DoubtFacts doubt={doubt} host={host} />
      {proposal.notes?.map(note => (
        <p key={note} className="jp-hitl-note">
          {showHiddenCharacters(note)}
        </p>
      ))}
      {open ? (
        <AnswerForm key={proposal.id} model={model} doubt={doubt} host={host} />
      ) : (
        <>
          <ReturnedResult proposal={proposal} host={host} />
          <DecisionLine model={model} host={host} />
        </>
      )}
      {model.discussion && (
        <CommentList discussion={model.discussion} marks={null} draft={null} host={host} />
      )}
    </article>
  );
}

function LookUpAdvice({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <div className="jp-hitl-alert" role="status">
      <span aria-hidden="true">⚠</span>
      <div>
        {doubt.died ? trans.__('The kernel died while') : trans.__('The run was interrupted while')}{' '}
        <code>{showHiddenCharacters(doubt.call)}</code>{' '}
        {trans.__('was being called. Nobody can know from here whether it took effect.')}{' '}
        <b>{trans.__('Look it up before you choose:')}</b>{' '}
        {trans.__('after a wrong answer it happens twice, or not at all.')}
      </div>
    </div>
  );
}

function DoubtFacts({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  const given = Object.entries(doubt.arguments).map(([name, text]) => `${name} = ${text}`);
  const gone = doubt.died
    ? trans.__('%1, the kernel was gone at %2', formatWhen(doubt.began), formatWhen(doubt.noticed))
    : trans.__('%1, the run was interrupted before %2', formatWhen(doubt.began), formatWhen(doubt.noticed));
  return (
    <dl className="jp-hitl-context jp-hitl-facts">
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
  const copy = (): void => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <button type="button" className="jp-hitl-link" onClick={copy}>
      {copied ? host.trans.__('Copied') : host.trans.__('Copy')}
    </button>
  );
}

function AnswerForm({ model, doubt, host }: IProps & { doubt: IDoubt }): JSX.Element {
  const { trans } = host;
  const group = useId();
  const field = useId();
  const why = useId();
  const first = useRef<HTMLInputElement>(null);
  const [chosen, choose] = useState<DoubtAnswer | null>(null);
  const [result, setResult] = useState('');
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
  const blocked = model.isDeciding || host.readOnly !== null || barred !== null;
  const primary = answers.find(([answer]) => answer === chosen)?.[3] ?? trans.__('Continue');
  const fields = Object.entries(model.fields).map(([path, text]) => (path ? `${path}: ${text}` : text));
  const decide = (): void => {
    if (chosen === null) {
      first.current?.focus();
    } else if (!blocked) {
      void model.decide('edit', { value: makeAnswer(chosen, result, model.proposal.schema) });
    }
  };
  return (
    <>
      <div role="radiogroup" aria-label={trans.__('Did it happen?')} className="jp-hitl-answers">
        {answers.map(([answer, name, then]) => (
          <div key={answer} className={`jp-hitl-answer${answer === chosen ? ' jp-mod-chosen' : ''}`}>
            <label>
              <input
                ref={answer === 'yes' ? first : undefined}
                type="radio"
                name={group}
                checked={answer === chosen}
                disabled={blocked}
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
                  disabled={blocked}
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
          ⚠ {showHiddenCharacters(text)}
        </p>
      ))}
      {model.problem && (
        <p className="jp-hitl-error" role="alert">
          {showHiddenCharacters(model.problem)}
        </p>
      )}
      <footer className="jp-hitl-decision-bar">
        <div className="jp-hitl-buttons">
          <button
            type="button"
            className={chosen === 'stop' ? 'jp-mod-warn' : 'jp-mod-accept'}
            aria-disabled={chosen === null || blocked}
            aria-describedby={why}
            onClick={decide}
          >
            {primary}
          </button>
          <span id={why} className="jp-hitl-end">
            {chosen === null
              ? trans.__('Choose what happened first; no shortcut decides this')
              : trans.__('No shortcut decides this')}
          </span>
        </div>
        {host.readOnly !== null && <p className="jp-hitl-note">{host.readOnly}</p>}
        {barred && <p className="jp-hitl-note">{showHiddenCharacters(barred)}</p>}
      </footer>
    </>
  );
}

/** The result of the call, as it was given in the decision. */
function ReturnedResult({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  const value = proposal.decision?.value;
  if (effectState(value) !== 'yes') {
    return null;
  }
  const { result = null } = value as { result?: Json };
  return (
    <p>
      {host.trans.__('It returned')} <code>{showHiddenCharacters(JSON.stringify(result))}</code>
    </p>
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
