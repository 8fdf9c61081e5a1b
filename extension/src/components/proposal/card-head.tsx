/**
 * The head of a card: what is asked, by which agent and when; the people who are here; the state; and a menu.
 */

import type { ReactNode } from 'react';
import type { IProposal } from '../../api/types';
import { Chip } from '../controls/chip';
import { Icon, type IconName } from '../controls/icons';
import type { IHost } from '../host';
import type { ICardState } from '../states/proposal-state';
import { formatDecider, formatOwnIdentity, formatVoter, formatWhen } from '../proposal-status';
import { voteSentence } from '../terms-sentences';
import { formatAge } from '../../text/times';
import { MINUTE_MS, useClock } from '../hooks/use-clock';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { valueUnit } from '../../api/value-units';

interface IProps {
  /** Id of the heading. */
  id: string;
  proposal: IProposal;
  state: ICardState;
  /** The people at the draft. */
  faces?: ReactNode;
  /** The card's menu. */
  menu?: ReactNode;
  host: IHost;
}

const KIND_ICONS: { [kind in IProposal['kind']]: IconName } = {
  choice: 'question',
  code: 'notebook',
  json: 'text',
  markdown: 'text',
  plan: 'text',
  table: 'table',
  text: 'text',
  tool_call: 'wrench'
};

/** Title, origin and state of a card. */
export function CardHead({ id, proposal, state, faces, menu, host }: IProps): JSX.Element {
  const { trans } = host;
  const now = useClock(MINUTE_MS);
  const { title, kind, agent, path, notebook, created_at, tags = [] } = proposal;
  return (
    <header className="jp-hitl-head">
      <h3 id={id} title={showHiddenCharacters(title)}>
        {showHiddenCharacters(title)}
      </h3>
      <div className="jp-hitl-origin">
        <span>
          <Icon name={proposal.doubt ? 'wrench' : KIND_ICONS[kind]} />
          {askedLabel(proposal, host)}
        </span>
        {agent && (
          <span title={showHiddenCharacters(path ?? notebook ?? '')}>
            <Icon name="notebook" />
            {showHiddenCharacters([agent, fileName(path ?? notebook ?? '')].filter(Boolean).join(' · '))}
          </span>
        )}
        {created_at && (
          <time dateTime={created_at} title={formatWhen(created_at)}>
            {trans.__('asked %1', formatAge(created_at, now, trans))}
          </time>
        )}
      </div>
      <div className="jp-hitl-head-end">
        {faces}
        <IdentityIcon proposal={proposal} host={host} />
        <span className="jp-hitl-state" aria-live="polite">
          <Chip tone={state.tone} icon={state.icon}>
            {state.text}
          </Chip>
        </span>
        {menu}
      </div>
      {tags.length > 0 && (
        <ul className="jp-hitl-tags" aria-label={trans.__('Tags')}>
          {tags.map(tag => (
            <li key={tag}>
              <Chip outlined>{showHiddenCharacters(tag)}</Chip>
            </li>
          ))}
        </ul>
      )}
    </header>
  );
}

/** One icon, whose tooltip says how this person, the voters and the decider are known. */
function IdentityIcon({ proposal, host }: Pick<IProps, 'proposal' | 'host'>): JSX.Element | null {
  const { votes = [], decision, status } = proposal;
  const own = status === 'open' && !votes.some(vote => vote.own) ? formatOwnIdentity(host) : '';
  const lines = [
    ...(own ? [own] : []),
    ...votes.map(vote => voteSentence(vote, formatVoter(vote, host), host.trans)),
    ...(decision ? [host.trans.__('Decided by %1', formatDecider(decision, host))] : [])
  ];
  const text = lines.join('\n');
  return text ? (
    <span className="jp-hitl-identity" role="img" aria-label={text} title={text}>
      <Icon name="lock" />
    </span>
  ) : null;
}

/** The called tool or step, or the kind of the value. */
function askedLabel({ kind, value, doubt, type_name }: IProposal, { trans }: IHost): string {
  if (doubt) {
    return trans.__('step %1', showHiddenCharacters(doubt.call.replace(/\(.*$/s, '()')));
  }
  if (valueUnit(kind) === 'arguments' && typeof value === 'object' && value !== null && 'name' in value) {
    return `${showHiddenCharacters(String(value.name))}()`;
  }
  const names: { [kind in IProposal['kind']]: string } = {
    choice: trans.__('Choice'),
    code: trans.__('Code'),
    json: /^[A-Z]/.test(type_name ?? '') ? showHiddenCharacters(type_name) : trans.__('JSON'),
    markdown: trans.__('Markdown'),
    plan: trans.__('Plan'),
    table: trans.__('Table'),
    text: trans.__('Text'),
    tool_call: trans.__('Tool call')
  };
  return names[kind];
}

function fileName(path: string): string {
  return path.split('/').pop() ?? path;
}
