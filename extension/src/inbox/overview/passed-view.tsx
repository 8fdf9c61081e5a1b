/**
 * Questions that a policy passed or blocked without asking a person, by rule.
 */

import { ReactNode, useCallback, useMemo, useState } from 'react';
import type { IProposalSummary } from '../../api/types';
import { Button } from '../../components/controls/button';
import { Chip } from '../../components/controls/chip';
import { scopeOf, useRule } from '../../components/rules/use-rule';
import type { IHost } from '../../components/host';
import { ruleOf } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ChoicePill } from './choice-pill';
import { sinceOf, whenChoices } from './decided-view';
import { DecidedRow } from './decided-row';
import { HalfView } from './half-view';
import { IOverviewColumn, OverviewName, OverviewTable } from './overview-table';
import { IPage, usePages } from './pages';
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
      const query = { status: 'passed' as const, search: words || undefined, since: sinceOf(hours) };
      const page = await client.listProposals({ ...query, agent: agent || undefined }, PAGE_SIZE, cursor);
      return { items: page.proposals, next: page.next };
    },
    [client, words, agent, hours]
  );
  const pages = usePages(read, feed);
  const rules = useMemo(() => groupByRule(pages.items, Date.now()), [pages.items]);
  const agents = useMemo(() => [...new Set(pages.items.map(p => p.agent))], [pages.items]);
  const rule = rules.find(one => one.rule === chosen) ?? (wide ? rules[0] : undefined);
  return (
    <HalfView
      host={host}
      wide={wide}
      onBack={() => (opened === null ? setChosen(null) : setOpened(null))}
      search={{ label: trans.__('Search what passed'), value: typed, onChange: setTyped }}
      filters={
        <>
          <ChoicePill
            label={trans.__('Agent')}
            value={agent}
            choices={[
              ['', trans.__('Any agent')],
              ...agents.map((name): [string, string] => [name, showHiddenCharacters(name)])
            ]}
            onChoose={setAgent}
          />
          <ChoicePill
            label={trans.__('When')}
            value={hours}
            choices={[['', trans.__('Any time')], ...whenChoices(host)]}
            onChoose={setHours}
          />
        </>
      }
      list={
        rules.length > 0 && (
          <RuleTable
            rules={rules}
            isPart={pages.more !== undefined}
            current={rule?.rule ?? null}
            host={host}
            onChoose={name => {
              setOpened(null);
              setChosen(name);
            }}
          />
        )
      }
      pages={pages}
      shown={rules.length}
      empty={trans.__('No policy has passed or blocked anything yet.')}
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
  /** Whether there are more decisions that were not read. */
  isPart: boolean;
  current: string | null;
  host: IHost;
  onChoose: (rule: string) => void;
}): JSX.Element {
  const { rules, isPart, current, host, onChoose } = props;
  const { trans } = host;
  const columns: IOverviewColumn<IRuleRow>[] = [
    {
      title: trans.__('Rule'),
      cell: ({ rule }) => (
        <OverviewName name={ruleOf(rule)} current={rule === current} onChoose={() => onChoose(rule)} />
      )
    },
    { title: trans.__('Does'), cell: row => <RuleChip row={row} host={host} /> },
    { title: trans.__('24 h'), numeric: true, cell: ({ today }) => today },
    {
      title: trans.__('All'),
      numeric: true,
      cell: ({ proposals }) => (isPart ? `${proposals.length}+` : proposals.length)
    }
  ];
  return (
    <OverviewTable
      label={trans.__('Rules')}
      columns={columns}
      rows={rules}
      idOf={({ rule }) => rule}
      current={current}
      onChoose={onChoose}
    />
  );
}

/** The verdict of a rule, and how often it was wrong. */
function RuleChip({ row, host }: { row: IRuleRow; host: IHost }): JSX.Element {
  const { trans } = host;
  const wrong = countWrong(row);
  return (
    <>
      <Chip icon="shield" tone={row.blocks ? 'bad' : 'neutral'}>
        {row.blocks ? trans.__('blocks') : trans.__('passes always')}
      </Chip>{' '}
      {wrong > 0 && (
        <Chip icon="flag" tone="warn">
          {trans.__('%1 wrong', wrong)}
        </Chip>
      )}
    </>
  );
}

function countWrong({ proposals }: IRuleRow): number {
  return proposals.filter(p => p.flag).length;
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
  const said = useRule(ruleOf(rule.rule), rule.proposals[0]?.path ?? null, host);
  const text = said && [...scopeOf(said), said.when || trans.__('always'), `(${said.source})`].join(' · ');
  const wrong = countWrong(rule);
  return (
    <>
      <div className="jp-hitl-detail-bar">
        <h3>{ruleOf(rule.rule)}</h3>
        <RuleChip row={rule} host={host} />
        <span className="jp-hitl-grow" />
        {opened !== null && (
          <Button small icon="left" onClick={() => onOpen(null)}>
            {trans.__('All of this rule')}
          </Button>
        )}
      </div>
      {text && <p className="jp-hitl-muted jp-hitl-detail-note">{showHiddenCharacters(text)}</p>}
      {wrong > 0 && (
        <p className="jp-hitl-detail-note">
          {trans._n(
            '%1 of %2 was flagged as wrong. The rule is valid until somebody changes the policy file.',
            '%1 of %2 were flagged as wrong. The rule is valid until somebody changes the policy file.',
            wrong,
            rule.proposals.length
          )}
        </p>
      )}
      {card ?? (
        <>
          <div className="jp-hitl-list-head">
            <h4>{rule.blocks ? trans.__('Blocked, newest first') : trans.__('Passed, newest first')}</h4>
          </div>
          <ul aria-label={trans.__('Decided by a policy')}>
            {rule.proposals.map(p => (
              <DecidedRow
                key={p.id}
                proposal={p}
                current={false}
                host={host}
                flags
                onOpen={({ id }) => onOpen(id)}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function groupByRule(items: readonly IProposalSummary[], now: number): IRuleRow[] {
  const rows = new Map<string, IRuleRow>();
  for (const p of items) {
    const rule = p.decision?.reviewer ?? '';
    const age = now - Date.parse(p.decision?.decided_at ?? '');
    const row = rows.get(rule) ?? { rule, proposals: [], today: 0, blocks: p.decision?.action === 'reject' };
    rows.set(rule, row);
    row.proposals.push(p);
    row.today += age <= DAY_MS ? 1 : 0;
  }
  return [...rows.values()];
}
