/**
 * One decision for several proposals: which ones, in which revision, and what becomes of edited drafts. All of this is
 * fixed when it is asked. A proposal that changes after that is left out, and named in the result.
 */

import type { Client } from '../../api/client';
import { ApiError } from '../../api/errors';
import type { IProposal, IProposalSummary, Json } from '../../api/types';
import { isSame } from '../../drafts/json-parts';
import { changesOf, editorsOf, type IDraftLineChange, isEdited } from './row-facts';

/** Most proposals that are read at the same time. */
const PARALLEL_READS = 6;

/** State of a proposal since it was shown: the same, changed, or "gone" if it no longer waits. */
export type Fate = 'same' | 'changed' | 'gone';

/** The draft of one proposal, as it was when the decision was asked. */
export type BatchDraft =
  | { readonly state: 'none' | 'reading' }
  | { readonly state: 'failed'; readonly why: string }
  | {
      readonly state: 'edited';
      /** The value that people vote on now, and the draft. */
      readonly before: Json;
      readonly value: Json;
      readonly by: readonly string[];
      /** The changes as the server describes them, read together with the draft. */
      readonly changes: readonly IDraftLineChange[];
      /** Whether this person may approve edits of this proposal. */
      readonly allowed: boolean;
    }
  /** There are no edits, but an earlier vote has replaced the agent's value. People vote on its value. */
  | { readonly state: 'candidate'; readonly before: Json; readonly value: Json };

/** A proposal of the batch. */
export interface IBatchRow {
  readonly proposal: IProposalSummary;
  readonly draft: BatchDraft;
  /** Whether the person leaves it out. */
  readonly leftOut: boolean;
  /** Whether its draft was edited after it was shown here. */
  readonly edited: boolean;
}

/** Why a proposal was not decided. "stale": it or its draft changed. */
export type LeftOutReason = 'chosen' | 'stale' | 'decided' | 'invalid' | 'unread';

/** A proposal that was not decided. */
export interface ILeftOut {
  readonly proposal: IProposalSummary;
  readonly why: LeftOutReason;
  /** The proposal as it is now, if the server sent it. */
  readonly now: IProposal | null;
}

/** The result of a batch. */
export interface IBatchResult {
  readonly action: BatchAction;
  /** Ids of the proposals that are decided, and how many of them with edits. */
  readonly decided: readonly string[];
  readonly withEdits: number;
  /** Ids of the proposals that got this vote, and still need others or can be taken back. */
  readonly open: readonly string[];
  readonly leftOut: readonly ILeftOut[];
  /** Why the rest was not tried, or "". */
  readonly problem: string;
}

/** The two decisions of a batch. */
export type BatchAction = 'approve' | 'reject';

type Outcome = {
  -readonly [name in keyof IBatchResult]: IBatchResult[name] extends readonly (infer T)[]
    ? T[]
    : IBatchResult[name];
};

/** A decision to confirm. */
export class Batch {
  /**
   * @param hidden - number of selected proposals that are not shown in the list. They are not decided.
   *
   * @param _compare - compares a proposal as it was shown with the list as it is now.
   *
   * @param onChange - called after each change.
   */
  constructor(
    private _client: Client,
    readonly action: BatchAction,
    proposals: readonly IProposalSummary[],
    readonly hidden: number,
    private _compare: (shown: IProposalSummary) => Fate,
    private _onChange: () => void
  ) {
    const unknown = (p: IProposalSummary): boolean =>
      action === 'approve' && (isEdited(p) !== false || hasCandidate(p));
    this._rows = proposals.map(proposal => ({
      proposal,
      draft: { state: unknown(proposal) ? 'reading' : 'none' },
      leftOut: false,
      edited: false
    }));
    void this._readDrafts();
  }

  /** All proposals, as they were when the decision was asked. */
  get rows(): readonly IBatchRow[] {
    return this._rows;
  }

  /** The proposals that would be decided now. */
  get taken(): readonly IBatchRow[] {
    return this._rows.filter(row => this.isTaken(row));
  }

  /** Whether all drafts were read. */
  get ready(): boolean {
    return this._rows.every(row => row.draft.state !== 'reading');
  }

  /** Whether the decision is being sent. */
  get deciding(): boolean {
    return this._deciding;
  }

  /** Whether a proposal or its draft is as it was shown. */
  fateOf({ proposal, edited }: IBatchRow): Fate {
    const fate = this._compare(proposal);
    return fate === 'same' && edited ? 'changed' : fate;
  }

  /** Return true if a proposal would be decided now. */
  isTaken(row: IBatchRow): boolean {
    const { draft, leftOut } = row;
    const usable = draft.state === 'edited' ? draft.allowed : draft.state !== 'failed';
    return usable && !leftOut && this.fateOf(row) === 'same';
  }

  /**
   * Look whether the drafts of these proposals are still those that are shown, after the server said that people type
   * in them. A rejection takes no draft.
   *
   * @param ids - null for all.
   */
  async checkDrafts(ids: readonly string[] | null): Promise<void> {
    const shown = this._rows.filter(
      ({ proposal, draft, edited }) =>
        !edited && !['reading', 'failed'].includes(draft.state) && (ids?.includes(proposal.id) ?? true)
    );
    if (this.action !== 'approve' || this._deciding) {
      return;
    }
    await forEachParallel(shown, async ({ proposal, draft }) => {
      const now = await this._read(proposal.id);
      if (now?.status === 'open' && !isSameDraft(draft, draftOf(proposal, now)) && !this._deciding) {
        this._rows = this._rows.map(row =>
          row.proposal.id === proposal.id ? { ...row, edited: true } : row
        );
        this._onChange();
      }
    });
  }

  /** Leave a proposal out, or take it with the edits of its draft. */
  leaveOut(id: string, on: boolean): void {
    this._rows = this._rows.map(row => (row.proposal.id === id ? { ...row, leftOut: on } : row));
    this._onChange();
  }

  /** Decide. Proposals that changed are left out. Resolves to null if it is in progress already. */
  async decide(reason: string | undefined): Promise<IBatchResult | null> {
    if (this._deciding || !this.ready) {
      return null;
    }
    this._deciding = true;
    const rows = this._rows;
    const taken = this.taken;
    const done: Outcome = {
      ...{ action: this.action, decided: [], withEdits: 0, open: [], problem: '' },
      leftOut: rows
        .filter(row => !taken.includes(row))
        .map(row => ({ proposal: row.proposal, why: this._whyLeft(row), now: null }))
    };
    this._onChange();
    try {
      await this._decideTogether(
        taken.filter(row => row.draft.state !== 'edited').map(row => row.proposal),
        reason,
        done
      );
      await this._decideEdited(
        taken.filter(row => row.draft.state === 'edited'),
        reason,
        done
      );
    } catch (problem) {
      done.problem = problem instanceof Error ? problem.message : String(problem);
    }
    try {
      await this._readDeciders(done);
    } finally {
      this._deciding = false;
    }
    return done;
  }

  /** Read who decided the proposals that no longer wait. If that fails, the result names nobody. */
  private async _readDeciders(done: Outcome): Promise<void> {
    const unnamed = done.leftOut.filter(({ why, now }) => why === 'decided' && now === null);
    await forEachParallel(unnamed, async one => {
      try {
        const now = await this._read(one.proposal.id);
        done.leftOut = done.leftOut.map(other => (other === one ? { ...one, now } : other));
      } catch (problem) {
        if (!(problem instanceof ApiError)) {
          throw problem;
        }
      }
    });
  }

  /** Decide proposals without edits in one call. The server decides all or none: each that has changed is left out. */
  private async _decideTogether(
    proposals: IProposalSummary[],
    reason: string | undefined,
    done: Outcome
  ): Promise<void> {
    let left = proposals;
    while (left.length > 0) {
      try {
        const drafted = this.action === 'approve' ? true : undefined;
        const answer = await this._client.decideMany(left, { action: this.action, reason, drafted });
        const open = answer.proposals.filter(p => p.status === 'open').map(p => p.id);
        done.open.push(...open);
        done.decided.push(...left.map(p => p.id).filter(id => !open.includes(id)));
        return;
      } catch (problem) {
        const changed = problem instanceof ApiError ? await this._findChanged(left, problem) : [];
        if (changed.length === 0) {
          throw problem;
        }
        done.leftOut.push(...changed);
        left = left.filter(p => !changed.some(one => one.proposal.id === p.id));
      }
    }
  }

  /** Decide proposals with the edits of their drafts. The server checks that the draft is still the one shown. */
  private async _decideEdited(
    rows: readonly IBatchRow[],
    reason: string | undefined,
    done: Outcome
  ): Promise<void> {
    for (const { proposal, draft } of rows) {
      if (draft.state !== 'edited') {
        continue;
      }
      try {
        const { value } = draft;
        const answer = await this._client.decide(proposal, { action: 'edit', value, reason, drafted: true });
        (answer.proposal.status === 'open' ? done.open : done.decided).push(proposal.id);
        done.withEdits += 1;
      } catch (problem) {
        if (!(problem instanceof ApiError) || ![404, 409, 422].includes(problem.status)) {
          throw problem;
        }
        done.leftOut.push(leftOutFor(proposal, problem));
      }
    }
  }

  /** Find the proposals because of which the server refused a call about all of them. */
  private async _findChanged(left: IProposalSummary[], problem: ApiError): Promise<ILeftOut[]> {
    if (![404, 409].includes(problem.status)) {
      return [];
    }
    const named = left.find(p => p.id === problem.details.proposal?.id);
    if (named) {
      return [leftOutFor(named, problem)];
    }
    const changed: ILeftOut[] = [];
    await forEachParallel(left, async proposal => {
      const now = await this._read(proposal.id);
      if (now === null || now.status !== 'open') {
        changed.push({ proposal, why: 'decided', now });
      } else if (now.revision !== proposal.revision || now.fingerprint !== proposal.fingerprint) {
        changed.push({ proposal, why: 'stale', now });
      }
    });
    return changed;
  }

  private _whyLeft(row: IBatchRow): LeftOutReason {
    const { draft, leftOut } = row;
    const fate = this.fateOf(row);
    if (fate !== 'same') {
      return fate === 'gone' ? 'decided' : 'stale';
    }
    return leftOut ? 'chosen' : draft.state === 'failed' ? 'unread' : 'invalid';
  }

  /** Read the drafts that may have edits. */
  private async _readDrafts(): Promise<void> {
    const unread = this._rows.filter(row => row.draft.state === 'reading').map(row => row.proposal);
    await forEachParallel(unread, async shown => {
      let draft: BatchDraft;
      try {
        draft = draftOf(shown, await this._client.getProposal(shown.id));
      } catch (problem) {
        draft = { state: 'failed', why: problem instanceof Error ? problem.message : String(problem) };
      }
      this._rows = this._rows.map(row => (row.proposal.id === shown.id ? { ...row, draft } : row));
    });
    if (unread.length > 0) {
      this._onChange();
    }
  }

  private async _read(id: string): Promise<IProposal | null> {
    try {
      return await this._client.getProposal(id);
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 404) {
        return null;
      }
      throw problem;
    }
  }

  private _rows: readonly IBatchRow[];
  private _deciding = false;
}

/** Compare the draft of a proposal with the value that people decide about. */
function draftOf(shown: IProposalSummary, found: IProposal): BatchDraft {
  const before = found.candidate === undefined ? found.value : found.candidate;
  const value = found.draft === undefined ? before : found.draft;
  if (isSame(before, value)) {
    return found.candidate === undefined
      ? { state: 'none' }
      : { state: 'candidate', before: found.value, value: before };
  }
  const { actions } = found.may ?? { actions: found.allow };
  return {
    state: 'edited',
    before,
    value,
    by: editorsOf(found).length > 0 ? editorsOf(found) : editorsOf(shown),
    changes: changesOf(found),
    allowed: actions.includes('edit')
  };
}

/** Whether two drafts are the same value. */
function isSameDraft(one: BatchDraft, other: BatchDraft): boolean {
  const value = (draft: BatchDraft): Json | undefined => ('value' in draft ? draft.value : undefined);
  return one.state === other.state && isSame(value(one) ?? null, value(other) ?? null);
}

/** Whether a vote may have replaced the agent's value. */
function hasCandidate({ votes = [] }: IProposalSummary): boolean {
  return votes.some(vote => vote.action === 'edit');
}

function leftOutFor(proposal: IProposalSummary, problem: ApiError): ILeftOut {
  const now = problem.details.proposal ?? null;
  const open =
    now === null ? problem.status === 422 || problem.error === 'StaleProposal' : now.status === 'open';
  return { proposal, why: problem.status === 422 ? 'invalid' : open ? 'stale' : 'decided', now };
}

/** Call a function for each item, for a few of them at the same time. */
export async function forEachParallel<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>
): Promise<void> {
  const left = [...items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await act(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_READS, items.length) }, work));
}
