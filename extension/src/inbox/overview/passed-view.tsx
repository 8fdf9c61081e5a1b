/**
 * Questions that a policy passed or blocked without asking a person, by rule.
 */

import { ReactNode, useCallback, useMemo, useState } from 'react';
import type { IProposalSummary } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import type { IHost } from '../../components/host';
import { ruleOf } from '../../components/terms-sentences';
import { SearchField } from '../views/find-bar';
import { ChoicePill } from './choice-pill';
import { whenChoices } from './decided-view';
import { DecidedRow } from './decided-row';
import { HalfView } from './half-view';
import { ListEnd } from './list-end';
import { IPage, usePages } from './pages';
import { useRuleText } from './rule-text';
import { useDelayedText } from './use-delayed-text';

const PAGE_SIZE = 200;
const DAY_MS = 86_400_000;

/** The decisions of one rule. */
interface IRuleRow {
  rule: string;
  proposals: IProposalSummary[];
  /** How many of them in the last 24 hours. */
  today: number;
  blocks: boolean;
}

interface IProps {
  host: IHost;
  wide: boolean;
  renderCard: (id: string) => ReactNode;
}

/** The decisions of policies, grouped by rule. */
export function PassedView({ host, wide, renderCard }: IProps): JSX.Element {
  const { client, feed, trans } = host;
  const [typed, words, setTyped] = useDelayedText();
  const [agent, setAgent] = useState('');
  const [hours, setHours] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const read = useCallback(
    async (cursor?: string): Promise<IPage<IProposalSummary>> => {
      const query = { status: 'passed' as const, search: words || undefined, agent: agent || undefined };
      const page = await client.listProposals(query, PAGE_SIZE, cursor);
      return { items: page.proposals, next: page.next };
    },
    [client, words, agent]
  );
  const pages = usePages(read, feed);
  const rules = useMemo(() => groupByRule(pages.items, hours, Date.now()), [pages.items, hours]);
  const agents = useMemo(() => [...new Set(pages.items.map(p => p.agent))], [pages.items]);
  const rule = rules.find(one => one.rule === chosen) ?? (wide ? rules[0] : undefined);
  return (
    <HalfView
      host={host}
      wide={wide}
      onBack={() => (opened === null ? setChosen(null) : setOpened(null))}
      find={
        <div className="jp-hitl-find">
          <SearchField label={trans.__('Search what passed')} value={typed} onChange={setTyped} />
          <ChoicePill
            label={trans.__('Agent')}
            value={agent}
            choices={[['', trans.__('Any agent')], ...agents.map((name): [string, string] => [name, name])]}
            onChoose={setAgent}
          />
          <ChoicePill
            label={trans.__('When')}
            value={hours}
            choices={[['', trans.__('Any time')], ...whenChoices(host)]}
            onChoose={setHours}
          />
        </div>
      }
      list={
        <>
          {rules.length > 0 && (
            <RuleTable
              rules={rules}
              current={rule?.rule ?? null}
              host={host}
              onChoose={name => {
                setOpened(null);
                setChosen(name);
              }}
            />
          )}
          <ListEnd
            pages={pages}
            shown={rules.length}
            host={host}
            empty={trans.__('No policy has passed or blocked anything yet.')}
          />
        </>
      }
      detail={
        rule === undefined ? null : (
          <RuleDetail
            rule={rule}
            host={host}
            opened={opened}
            card={opened === null ? null : renderCard(opened)}
            onOpen={setOpened}
          />
        )
      }
    />
  );
}

function RuleTable(props: {
  rules: readonly IRuleRow[];
  current: string | null;
  host: IHost;
  onChoose: (rule: string) => void;
}): JSX.Element {
  const { rules, current, host, onChoose } = props;
  const { trans } = host;
  return (
    <table className="jp-hitl-overview-table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Rule')}</th>
          <th scope="col">{trans.__('Does')}</th>
          <th scope="col" className="jp-mod-number">
            {trans.__('24 h')}
          </th>
          <th scope="col" className="jp-mod-number">
            {trans.__('All')}
          </th>
        </tr>
      </thead>
      <tbody>
        {rules.map(({ rule, today, proposals, blocks }) => (
          <tr key={rule} className={rule === current ? 'jp-mod-current' : undefined}>
            <td>
              <button
                type="button"
                className="jp-hitl-overview-name"
                aria-current={rule === current || undefined}
                onClick={() => onChoose(rule)}
              >
                {ruleOf(rule)}
              </button>
            </td>
            <td>
              <Chip icon="shield" tone={blocks ? 'bad' : 'neutral'}>
                {blocks ? trans.__('blocks') : trans.__('passes')}
              </Chip>
            </td>
            <td className="jp-mod-number">{today}</td>
            <td className="jp-mod-number">{proposals.length}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A rule: what it says, and what it decided, newest first. */
function RuleDetail(props: {
  rule: IRuleRow;
  host: IHost;
  opened: string | null;
  card: ReactNode;
  onOpen: (id: string | null) => void;
}): JSX.Element {
  const { rule, host, opened, card, onOpen } = props;
  const { trans } = host;
  const text = useRuleText(rule.rule, rule.proposals[0]?.path ?? null, host);
  return (
    <>
      <div className="jp-hitl-detail-bar">
        <h3>{ruleOf(rule.rule)}</h3>
        <Chip icon="shield" tone={rule.blocks ? 'bad' : 'neutral'}>
          {rule.blocks ? trans.__('blocks') : trans.__('passes')}
        </Chip>
        <span className="jp-hitl-grow" />
        {opened !== null && (
          <Button small icon="left" onClick={() => onOpen(null)}>
            {trans.__('All of this rule')}
          </Button>
        )}
      </div>
      {text && <p className="jp-hitl-muted">{text}</p>}
      {card ?? (
        <>
          <h4 className="jp-hitl-small">{trans.__('Newest first')}</h4>
          <ul aria-label={trans.__('Decided by a policy')}>
            {rule.proposals.map(p => (
              <DecidedRow
                key={p.id}
                proposal={p}
                current={false}
                host={host}
                onOpen={({ id }) => onOpen(id)}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function groupByRule(items: readonly IProposalSummary[], hours: string, now: number): IRuleRow[] {
  const rows = new Map<string, IRuleRow>();
  for (const p of items) {
    const rule = p.decision?.reviewer ?? '';
    const age = now - Date.parse(p.decision?.decided_at ?? '');
    if (hours && age > Number(hours) * 3_600_000) {
      continue;
    }
    const row = rows.get(rule) ?? { rule, proposals: [], today: 0, blocks: p.decision?.action === 'reject' };
    rows.set(rule, row);
    row.proposals.push(p);
    row.today += age <= DAY_MS ? 1 : 0;
  }
  return [...rows.values()];
}
