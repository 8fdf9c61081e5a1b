/**
 * Actions for the selected proposals beside a decision: assign, comment, copy their links.
 */

import { type RefObject, useEffect, useId, useState } from 'react';
import type { IMentionableUser, IProposalSummary } from '../../api/types';
import { Button } from '../../components/controls/button';
import { MenuItem } from '../../components/controls/menu-item';
import { Menu, Popover } from '../../components/controls/popover';
import { ReasonPopover } from '../../components/decide/reason-popover';
import { announce, copyOrSay } from '../../components/keys/announcer';
import type { IHost } from '../../components/host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { forEachParallel } from '../stores/batch';
import type { InboxModel } from '../stores/inbox-model';
import { votingName } from '../stores/voter';

interface IProps {
  model: InboxModel;
  host: IHost;
  anchor: RefObject<HTMLElement>;
  onClose: () => void;
}

/** The menu, and the pop-ups that it opens. They are about the proposals that were selected when it was opened. */
export function BatchMore({ model, host, anchor, onClose }: IProps): JSX.Element {
  const { trans, pageUrl } = host;
  const [proposals] = useState(() => model.selection);
  const [shown, setShown] = useState<'menu' | 'comment' | 'assign'>('menu');
  const parts = { model, host, anchor, onClose, proposals };
  if (shown === 'comment') {
    return <CommentPopover {...parts} />;
  }
  if (shown === 'assign') {
    return <AssignPopover {...parts} />;
  }
  const copyLinks = (): void => {
    onClose();
    const links = proposals.map(p => pageUrl?.(p.id) ?? '');
    void copyOrSay(links.join('\n'), trans).then(
      copied =>
        copied && announce(trans._n('%1 link was copied.', '%1 links were copied.', links.length), true)
    );
  };
  return (
    <Menu anchor={anchor} label={trans.__('More for the selected')} onClose={onClose}>
      <MenuItem icon="people" onClick={() => setShown('assign')}>
        {trans.__('Assign…')}
      </MenuItem>
      <MenuItem icon="comment" onClick={() => setShown('comment')}>
        {trans.__('Comment…')}
      </MenuItem>
      {pageUrl && (
        <MenuItem icon="copy" onClick={copyLinks}>
          {trans.__('Copy links')}
        </MenuItem>
      )}
    </Menu>
  );
}

interface ISelectionProps extends IProps {
  /** The proposals that were selected when the menu was opened. */
  proposals: readonly IProposalSummary[];
}

/** One comment on each of the proposals. */
function CommentPopover({ model, host, anchor, onClose, proposals }: ISelectionProps): JSX.Element {
  const { trans, client } = host;
  const [text, setText] = useState('');
  const { busy, left, problem, perform } = useEach(
    proposals,
    async ({ id, document = id }) => void (await client.addComment(document, { text: text.trim() }))
  );
  const send = (): void =>
    void perform().then(done => {
      if (done) {
        onClose();
        const count = proposals.length;
        announce(trans._n('%1 comment was added.', '%1 comments were added.', count), true);
        void model.refresh();
      }
    });
  return (
    <ReasonPopover
      anchor={anchor}
      title={trans._n('Comment on %1 proposal', 'Comment on %1 proposals', left)}
      label={trans.__('The same comment is added to each of them.')}
      text={text}
      onType={setText}
      action={{ text: trans.__('Comment'), icon: 'comment', variant: 'primary' }}
      required
      blocked={busy ? trans.__('Sending …') : null}
      note={problem}
      onSend={send}
      onClose={onClose}
      host={host}
    />
  );
}

/** Assigns the proposals to one person, or to nobody. */
function AssignPopover({ host, anchor, onClose, proposals }: ISelectionProps): JSX.Element {
  const { trans, client } = host;
  const me = votingName(host);
  const people = usePeople(proposals, host);
  const [chosen, setChosen] = useState(me ?? '');
  const field = useId();
  const { busy, left, problem, perform } = useEach(
    proposals,
    async ({ id }) => void (await client.assign(id, chosen || null))
  );
  const assign = (): void =>
    void perform().then(done => {
      if (done) {
        onClose();
        const count = proposals.length;
        announce(trans._n('%1 proposal was assigned.', '%1 proposals were assigned.', count), true);
      }
    });
  const others = people.filter(({ username }) => username !== me);
  return (
    <Popover
      anchor={anchor}
      title={trans._n('Assign %1 proposal', 'Assign %1 proposals', left)}
      onClose={onClose}
      onSubmit={assign}
      footer={
        <>
          <Button variant="primary" icon="people" disabled={busy} onClick={assign}>
            {trans.__('Assign')}
          </Button>
          <Button variant="quiet" onClick={onClose}>
            {trans.__('Cancel')}
          </Button>
        </>
      }
    >
      <label htmlFor={field}>{trans.__('Who should decide? Others may decide too.')}</label>
      <select id={field} value={chosen} onChange={event => setChosen(event.target.value)}>
        {me !== null && <option value={me}>{trans.__('You')}</option>}
        {others.map(({ username, name }) => (
          <option key={username} value={username}>
            {showHiddenCharacters(name && name !== username ? `${name} (${username})` : username)}
          </option>
        ))}
        <option value="">{trans.__('Nobody')}</option>
      </select>
      {problem && <p role="alert">{problem}</p>}
    </Popover>
  );
}

/** Read the people who may be mentioned on the first proposal: those who know this store. */
function usePeople(
  proposals: readonly IProposalSummary[],
  { client }: IHost
): readonly Pick<IMentionableUser, 'username' | 'name'>[] {
  const [people, setPeople] = useState<readonly IMentionableUser[]>([]);
  const first = proposals[0] as IProposalSummary | undefined;
  const document = first?.document ?? first?.id;
  useEffect(() => {
    let gone = false;
    if (document !== undefined) {
      client.listComments(document).then(
        found => !gone && setPeople(found.people),
        () => undefined // then the list has this person and nobody
      );
    }
    return () => {
      gone = true;
    };
  }, [client, document]);
  return people;
}

/** Does something to each proposal. Those for which it failed are tried again the next time, and no others. */
function useEach(
  proposals: readonly IProposalSummary[],
  work: (proposal: IProposalSummary) => Promise<void>
): { busy: boolean; left: number; problem: string; perform: () => Promise<boolean> } {
  const [left, setLeft] = useState(proposals);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const perform = async (): Promise<boolean> => {
    setBusy(true);
    const failed: IProposalSummary[] = [];
    let why = '';
    await forEachParallel(left, async proposal => {
      try {
        await work(proposal);
      } catch (reason) {
        failed.push(proposal);
        why = messageOf(reason);
      }
    });
    setBusy(false);
    setLeft(failed);
    setProblem(why && showHiddenCharacters(`${failed.map(p => p.title).join(', ')}: ${why}`));
    return failed.length === 0;
  };
  return { busy, left: left.length, problem, perform };
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
