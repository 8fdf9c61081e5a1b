/**
 * The decided proposals, newest first, with filters; the card has what was shown, what was changed, and the votes.
 */

import { ReactNode, useCallback, useMemo, useState } from 'react';
import type { IProposalQuery } from '../../api/client';
import type { IProposalSummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { formatDeciderName } from '../../components/proposal-status';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { ChoicePill } from './choice-pill';
import { DecidedRow } from './decided-row';
import { decisionWord } from '../../components/states/decision-word';
import { HalfView } from './half-view';
import { IPage, usePages } from './pages';
import { useDelayedText } from './use-delayed-text';

const PAGE_SIZE = 50;
const HOUR_MS = 3_600_000;

/** The filters of the view; "" is all. */
interface IChosen {
  person: string;
  verdict: string;
  rule: string;
  agent: string;
  /** Only what is not older, in hours. */
  hours: string;
}

const ALL: IChosen = { person: '', verdict: '', rule: '', agent: '', hours: '' };

interface IProps {
  host: IHost;
  wide: boolean;
  renderCard: (id: string) => ReactNode;
}

/** The decided proposals. */
export function DecidedView({ host, wide, renderCard }: IProps): JSX.Element {
  const { client, feed, trans } = host;
  const [chosen, setChosen] = useState(ALL);
  const [opened, setOpened] = useState<IProposalSummary | null>(null);
  const [typed, words, setTyped] = useDelayedText();
  const { person, agent, rule, hours } = chosen;
  const read = useCallback(
    async (cursor?: string): Promise<IPage<IProposalSummary>> => {
      const query: IProposalQuery = { status: 'closed', search: words || undefined, since: sinceOf(hours) };
      const limits = { agent: agent || undefined, person: person || undefined, rule: rule || undefined };
      const page = await client.listProposals({ ...query, ...limits }, PAGE_SIZE, cursor);
      return { items: page.proposals, next: page.next };
    },
    [client, words, agent, person, rule, hours]
  );
  const pages = usePages(read, feed);
  const shown = useMemo(
    () => pages.items.filter(p => !chosen.verdict || decisionWord(p, host).kind === chosen.verdict),
    [pages.items, chosen.verdict, host]
  );
  const id = opened?.id;
  const card = useMemo(() => (id === undefined ? null : renderCard(id)), [id, renderCard]);
  const open = useCallback((proposal: IProposalSummary) => setOpened(proposal), []);
  return (
    <HalfView
      host={host}
      wide={wide}
      onBack={() => setOpened(null)}
      search={{ label: trans.__('Search what was decided'), value: typed, onChange: setTyped }}
      filters={<DecidedFilters items={pages.items} chosen={chosen} host={host} onChoose={setChosen} />}
      list={
        <ul aria-label={trans.__('Decided proposals')}>
          {shown.map(p => (
            <DecidedRow key={p.id} proposal={p} current={p.id === id} host={host} onOpen={open} />
          ))}
        </ul>
      }
      pages={pages}
      shown={shown.length}
      empty={
        words || chosen !== ALL
          ? trans.__('Nothing that was decided fits the search and the filters.')
          : trans.__('Nothing was decided yet.')
      }
      detail={card}
    />
  );
}

function DecidedFilters(props: {
  items: readonly IProposalSummary[];
  chosen: IChosen;
  host: IHost;
  onChoose: (chosen: IChosen) => void;
}): JSX.Element {
  const { items, chosen, host, onChoose } = props;
  const { trans } = host;
  const choose = (name: keyof IChosen) => (value: string) => onChoose({ ...chosen, [name]: value });
  const names = (values: readonly (readonly [string, string])[], own: string): [string, string][] => {
    const all = new Map([...values, ...(own ? [[own, own] as const] : [])]);
    return [...all].map(([value, text]): [string, string] => [value, showHiddenCharacters(text)]);
  };
  const people = items.flatMap(({ decision }) =>
    decision?.by === 'person' ? [[decision.reviewer, formatDeciderName(decision, host)] as const] : []
  );
  const verdicts = items.map(p => [decisionWord(p, host).kind, decisionWord(p, host).text] as const);
  const rules = items.flatMap(p =>
    ((p.rules as readonly string[] | undefined) ?? []).map(rule => [rule, rule] as const)
  );
  const agents = items.map(p => [p.agent, p.agent] as const);
  const pills: [keyof IChosen, string, string, [string, string][]][] = [
    ['person', trans.__('Person'), trans.__('Anybody'), names(people, chosen.person)],
    ['verdict', trans.__('Verdict'), trans.__('Any verdict'), names(verdicts, chosen.verdict)],
    ['rule', trans.__('Rule'), trans.__('Any rule'), names(rules, chosen.rule)],
    ['agent', trans.__('Agent'), trans.__('Any agent'), names(agents, chosen.agent)],
    ['hours', trans.__('When'), trans.__('Any time'), whenChoices(host)]
  ];
  return (
    <>
      {pills
        .filter(([name, , , values]) => name !== 'rule' || values.length > 0)
        .map(([name, label, all, values]) => (
          <ChoicePill
            key={name}
            label={label}
            value={chosen[name]}
            choices={[['', all], ...values]}
            onChoose={choose(name)}
          />
        ))}
    </>
  );
}

/** The choices of time, in hours. */
export function whenChoices({ trans }: IHost): [string, string][] {
  return [
    ['24', trans.__('Last 24 hours')],
    ['168', trans.__('Last 7 days')],
    ['720', trans.__('Last 30 days')]
  ];
}

/** Return the time so many hours ago, for a query; undefined for "". */
export function sinceOf(hours: string): string | undefined {
  return hours ? new Date(Date.now() - Number(hours) * HOUR_MS).toISOString() : undefined;
}
