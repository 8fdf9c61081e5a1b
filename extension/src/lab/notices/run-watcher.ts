/**
 * Finds what a person should be told about proposals: new ones, decisions without the person, and what the schedule
 * of a policy did. It follows the feed; what waited before this page was loaded is not told.
 */

import type { FeedChange } from '../../api/feed';
import type { INotice, IProposal, IProposalSummary } from '../../api/types';
import type { IHost } from '../../components/host';
import { decisionWord } from '../../components/states/decision-word';
import { formatDeciderName } from '../../components/proposal-status';
import { hasSeat } from '../../components/terms-sentences';
import type { IProposalNotice, NoticeSubject } from './notice-texts';

/** Most pages of waiting proposals that are read at the beginning and after a gap. */
const MAX_PAGES = 5;
const PAGE_SIZE = 200;

/** Most updates of a draft that are searched for the edits of a person. */
const MAX_UPDATES = 500;

/** Calls `_onFound` with each notice. It may find the same thing again. */
export class RunWatcher {
  constructor(
    private _host: IHost,
    private _onFound: (notice: IProposalNotice) => void,
    private _onSeen: (proposal: NoticeSubject) => void
  ) {
    _host.feed.changed.connect((_, changed) => void this._onFeed(changed));
    void this._readWaiting(false);
  }

  private async _onFeed(changed: FeedChange): Promise<void> {
    if (changed === null) {
      await this._readWaiting(true);
      return;
    }
    // First: a seat that the schedule has given is told as that, and not as a new proposal.
    await Promise.all((changed.notices ?? []).map(({ kind, proposal }) => this._onSchedule(kind, proposal)));
    await Promise.all(changed.runs.map(run => this._lookAtRun(run, changed.proposals)));
  }

  /** Read what waits for this person. New proposals are told, if `tells`. */
  private async _readWaiting(tells: boolean): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const found = await this._host.client
        .listProposals({ mine: true }, PAGE_SIZE, cursor)
        .catch(() => null); // the inbox shows errors of the server
      if (!found) {
        return;
      }
      const fresh = this._keepNew(found.proposals);
      if (tells) {
        fresh.forEach(p => this._tellNew(p));
      }
      cursor = found.next ?? undefined;
      if (!cursor) {
        return;
      }
    }
  }

  private async _lookAtRun(id: string, changed: readonly string[]): Promise<void> {
    const found = await this._host.client.getRun(id).catch(() => null);
    if (!found) {
      return;
    }
    const { run, proposals } = found;
    const open = run.status === 'waiting' ? proposals.filter(p => p.status === 'open' && hasSeat(p)) : [];
    this._keepNew(open).forEach(p => this._tellNew(p));
    const decided = proposals.filter(p => p.status === 'decided' && changed.includes(p.id));
    await Promise.all(decided.map(p => this._lookAtDecision(p)));
  }

  private _keepNew(proposals: readonly IProposalSummary[]): IProposalSummary[] {
    const fresh = proposals.filter(p => !this._knownIds.has(p.id));
    fresh.forEach(p => {
      this._knownIds.add(p.id);
      this._onSeen(p);
    });
    return fresh;
  }

  private _tellNew(proposal: IProposalSummary): void {
    this._onFound({ type: proposal.doubt ? 'doubt' : 'waiting', proposal });
  }

  /** Tell a decision that somebody else made, if this person had edited or commented. */
  private async _lookAtDecision(p: IProposalSummary): Promise<void> {
    const { client, status } = this._host;
    const me = status?.user.username;
    const { decision, document = p.id } = p;
    if (!decision || !me || [me, status.votes_as].includes(decision.reviewer)) {
      return;
    }
    const spoke = await client.listComments(document).then(
      ({ comments }) => comments.some(one => one.author === me),
      () => false
    );
    const edited =
      spoke ||
      (await client.getHistory(document, 0, MAX_UPDATES).then(
        ({ entries }) => entries.some(one => one.by === me),
        () => false
      ));
    if (edited) {
      const { trans } = this._host;
      const word = decisionWord(p, this._host).text;
      const note = trans.__('%1 by %2', word, formatDeciderName({ ...decision }, this._host));
      this._onFound({ type: 'decided', proposal: p, note });
    }
  }

  /** Tell what the schedule did with a proposal, to those whom it concerns. */
  private async _onSchedule(kind: INotice['kind'], id: string): Promise<void> {
    const found: IProposal | null = await this._host.client.getProposal(id).catch(() => null);
    if (found && this._concerns(kind, found)) {
      if (kind === 'escalated') {
        this._knownIds.add(id);
        this._onSeen(found);
      }
      this._onFound({ type: kind, proposal: found });
    }
  }

  /** Return true if this person is to be told what the schedule did. */
  private _concerns(kind: INotice['kind'], { id, status, may }: IProposal): boolean {
    const decides = this._host.status?.may.decide ?? false;
    switch (kind) {
      case 'expired':
        return decides; // an expired question is asked again as another proposal
      case 'stuck':
        return status === 'open' && decides; // nobody may decide it: those who decide others can see to it
      case 'escalated':
        return status === 'open' && (may?.decide ?? decides) && !this._knownIds.has(id);
      default:
        return status === 'open' && (may?.decide ?? decides);
    }
  }

  private _knownIds = new Set<string>();
}
