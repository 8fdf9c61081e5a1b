/**
 * A question whether an effect happened: what is known of the call, three answers of which none is chosen, and one button
 * that says what follows. No key decides it, nothing of it is shared before it is decided.
 */

import { useId, useRef, useState } from 'react';
import type { IDoubt, IProposal, Json } from '../../api/types';
import type { IProposalModel } from '../../models/interfaces';
import { Comments } from '../comments/comment-list';
import type { IHost } from '../host';
import { useChanges } from '../use-redraw';
import { effectState, state, when } from '../proposal-status';
import { Terms } from './review-terms';
import { visible } from '../../text/hidden-characters';
import { Decided } from './decision-bar';

interface IProps {
  model: IProposalModel;
  host: IHost;
}

type Answer = 'yes' | 'no' | 'stop';

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
        <h3 id={heading}>{visible(proposal.title)}</h3>
        <span className={`jp-hitl-state${open ? ' jp-hitl-chip' : ''}`} aria-live="polite">
          {open ? `⚠ ${host.trans.__('In doubt')}` : state(proposal, host)}
        </span>
      </header>
      {open && <LookItUp doubt={doubt} host={host} />}
      <Terms model={model} host={host} />
      <Facts doubt={doubt} host={host} />
      {proposal.notes?.map(note => (
        <p key={note} className="jp-hitl-note">
          {visible(note)}
        </p>
      ))}
      {open ? (
        <Answers key={proposal.id} model={model} doubt={doubt} host={host} />
      ) : (
        <>
          <Result proposal={proposal} host={host} />
          <Decided model={model} host={host} />
        </>
      )}
      {model.discussion && <Comments discussion={model.discussion} marks={null} draft={null} host={host} />}
    </article>
  );
}

function LookItUp({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  return (
    <div className="jp-hitl-alert" role="status">
      <span aria-hidden="true">⚠</span>
      <div>
        {doubt.died ? trans.__('The kernel died while') : trans.__('The run was interrupted while')}{' '}
        <code>{visible(doubt.call)}</code>{' '}
        {trans.__('was being called. Nobody can know from here whether it took effect.')}{' '}
        <b>{trans.__('Look it up before you choose:')}</b>{' '}
        {trans.__('a wrong answer does it twice, or never.')}
      </div>
    </div>
  );
}

function Facts({ doubt, host }: { doubt: IDoubt; host: IHost }): JSX.Element {
  const { trans } = host;
  const given = Object.entries(doubt.arguments).map(([name, text]) => `${name} = ${text}`);
  const gone = doubt.died
    ? trans.__('%1, the kernel was gone at %2', when(doubt.began), when(doubt.noticed))
    : trans.__('%1, the run was interrupted before %2', when(doubt.began), when(doubt.noticed));
  return (
    <dl className="jp-hitl-context jp-hitl-facts">
      <div>
        <dt>{trans.__('called with')}</dt>
        <dd>
          <code>{given.length > 0 ? visible(given.join(', ')) : trans.__('nothing')}</code>
        </dd>
      </div>
      <div>
        <dt>{trans.__('began')}</dt>
        <dd>{gone}</dd>
      </div>
      <div>
        <dt>{trans.__('idempotency key')}</dt>
        <dd>
          <code>{visible(doubt.idempotency_key)}</code> <Copy text={doubt.idempotency_key} host={host} />
        </dd>
      </div>
    </dl>
  );
}

function Copy({ text, host }: { text: string; host: IHost }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = (): void => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <button type="button" className="jp-hitl-link" onClick={copy}>
      {copied ? host.trans.__('Copied') : host.trans.__('Copy')}
    </button>
  );
}

function Answers({ model, doubt, host }: IProps & { doubt: IDoubt }): JSX.Element {
  const { trans } = host;
  const group = useId();
  const field = useId();
  const why = useId();
  const first = useRef<HTMLInputElement>(null);
  const [chosen, choose] = useState<Answer | null>(null);
  const [result, setResult] = useState('');
  const again = trans.__('%1 is called again.', visible(doubt.call));
  const answers: [Answer, string, string, string][] = [
    [
      'yes',
      trans.__('Yes, it happened'),
      trans.__('The agent continues with the result that you give. Nothing is called.'),
      trans.__('Continue as if it happened')
    ],
    ['no', trans.__('No, it did not happen'), again, trans.__('Call %1 again', visible(doubt.call))],
    [
      'stop',
      trans.__('Stop the run instead'),
      trans.__('Nothing is called; --restart begins it anew. If you do not know yet, leave this open.'),
      trans.__('Stop the run')
    ]
  ];
  const { may } = model.proposal;
  const barred = may?.actions.includes('edit') === false ? may.why_not : null;
  const blocked = model.deciding || host.readOnly !== null || barred !== null;
  const primary = answers.find(([answer]) => answer === chosen)?.[3] ?? trans.__('Continue');
  const fields = Object.entries(model.fields).map(([path, text]) => (path ? `${path}: ${text}` : text));
  const decide = (): void => {
    if (chosen === null) {
      first.current?.focus();
    } else if (!blocked) {
      void model.decide('edit', { value: answerOf(chosen, result, model.proposal.schema) });
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
        <p key={text} className="jp-hitl-wrong">
          ⚠ {visible(text)}
        </p>
      ))}
      {model.problem && (
        <p className="jp-hitl-wrong" role="alert">
          {visible(model.problem)}
        </p>
      )}
      <footer className="jp-hitl-ways">
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
        {barred && <p className="jp-hitl-note">{visible(barred)}</p>}
      </footer>
    </>
  );
}

/** What was said that it returned. */
function Result({ proposal, host }: { proposal: IProposal; host: IHost }): JSX.Element | null {
  const value = proposal.decision?.value;
  if (effectState(value) !== 'yes') {
    return null;
  }
  const { result = null } = value as { result?: Json };
  return (
    <p>
      {host.trans.__('It returned')} <code>{visible(JSON.stringify(result))}</code>
    </p>
  );
}

function answerOf(chosen: Answer, result: string, schema: Json): Json {
  if (chosen !== 'yes') {
    return { happened: chosen === 'no' ? false : 'stop' };
  }
  const text = result.trim();
  return text ? { happened: true, result: resultFrom(text, schema) } : { happened: true };
}

/** What a step returned, as people type it: JSON, or else text; a number is a text, too, where the step returns one. */
export function resultFrom(text: string, schema: Json): Json {
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
