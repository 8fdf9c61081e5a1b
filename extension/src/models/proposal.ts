/**
 * A proposal over the REST API, with its value in the shared draft. The server checks the edits, so that the rules
 * for edits are in one place. A decision names the revision and the draft that were shown. If the server has others,
 * it refuses the decision, and the card shows a conflict.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { FeedChange, Feed } from '../api/feed';
import { SingleFlight } from '../api/single-flight';
import type { Action, IProposal, IRun, Json } from '../api/types';
import type { IDraft } from '../drafts/draft';
import { isSame } from '../drafts/json-parts';
import type { IDraftSource } from '../drafts/shared-draft';
import { EditCheck } from './edit-check';
import { Discussion } from './discussion';
import { DraftEditing, initialValue } from './draft-editing';
import type { IDecisionOptions, IProposalModel, IDecisionConflict } from './interfaces';

/** The parts of a host that a model needs. */
export interface IModelSource {
  readonly client: Client;
  readonly feed: Feed;
  /** The shared drafts. */
  readonly drafts: { open(subject: IDraftSource): IDraft };
}

/** A proposal with its shared draft, kept up to date by the feed. */
export class ProposalModel implements IProposalModel {
  constructor(
    { client, feed, drafts }: IModelSource,
    private _proposal: IProposal,
    private _run: IRun | null = null
  ) {
    this._client = client;
    this._feed = feed;
    this._checking = new EditCheck(client, _proposal.id, this._checkedValue, () => this._changed.emit());
    const { document = _proposal.id, kind, value, comments } = _proposal;
    this.discussion = (comments as unknown) ? new Discussion(client, document, comments) : null;
    // One person chooses the answer about an effect; the others see it when it is given. So there is no shared draft.
    if (_proposal.status === 'open' && !_proposal.doubt) {
      const draft = drafts.open({ document, kind, value });
      this._editing = new DraftEditing(_proposal, draft, changed => this._onTyped(changed));
    }
    feed.changed.connect(this._onFeed, this);
    if (this.hasEdits) {
      this._checking.scheduleCheck(); // the shared draft is probably loaded before that
    }
  }

  readonly discussion: Discussion | null;

  get proposal(): IProposal {
    return this._proposal;
  }

  get run(): IRun | null {
    return this._run;
  }

  get draft(): IDraft | null {
    return this._editing?.draft ?? null;
  }

  get value(): Json {
    return this._editing ? this._editing.value : initialValue(this._proposal);
  }

  get invalidReason(): string {
    return this._editing?.invalidReason ?? '';
  }

  get hasEdits(): boolean {
    return this._editing?.hasEdits ?? false;
  }

  get fields(): { [path: string]: string } {
    return this._checking.fields;
  }

  get problem(): string {
    // Nothing can be checked while offline, and `saveStatus` reports that already.
    return this._problem || (this.saveStatus === 'offline' ? '' : this._checking.problem);
  }

  get conflict(): IDecisionConflict | null {
    return this._surprise;
  }

  get isDeciding(): boolean {
    return this._deciding;
  }

  get saveStatus(): string {
    return this._editing?.saveStatus ?? 'saved';
  }

  get canUndo(): boolean {
    return this._editing?.canUndo ?? false;
  }

  get canRedo(): boolean {
    return this.draft?.canRedo ?? false;
  }

  get changed(): ISignal<IProposalModel, void> {
    return this._changed;
  }

  edit(value: Json, base: Json = this.value): void {
    this._editing?.edit(value, base);
  }

  cannotEdit(text: string, why: string): void {
    this._editing?.cannotEdit(text, why);
  }

  startOver(): void {
    this._editing?.startOver();
  }

  undo(): void {
    this._editing?.undo();
  }

  redo(): void {
    this.draft?.redo();
  }

  async decide(action: Action, options: IDecisionOptions): Promise<boolean> {
    if (this._deciding) {
      return false;
    }
    const shown = this._proposal;
    const { message, value: given } = options;
    const value = action === 'edit' ? (given ?? this.value) : action === 'respond' ? message : undefined;
    const about = given === undefined && !options.withoutDraft;
    const drafted = about && (action === 'edit' || action === 'approve') ? true : undefined;
    const reads = this._reads;
    this._deciding = true;
    this._missed = false;
    this._problem = '';
    this._surprise = null;
    this._checking.cancel(); // the server checks a decision itself
    this._changed.emit();
    try {
      if (this._editing && !(await this._editing.waitUntilSaved())) {
        return false; // `saveStatus` has the reason
      }
      const answer = await this._client.decide(shown, { action, value, reason: options.reason, drafted });
      this._writes++;
      this._missed ||= reads !== this._reads; // the answer may be older than what was read meanwhile
      if (!isOlder(answer.proposal, this._proposal)) {
        this._applyProposal(answer.proposal);
      }
      this._run = answer.run;
      if (answer.proposal.status === 'open') {
        this._checking.scheduleCheck(); // after a vote, people vote on the edited value
      }
      return true;
    } catch (reason) {
      await this._onRefusal(reason, shown);
      return false;
    } finally {
      this._deciding = false;
      if (this.draft?.closeReason || (this._missed && this._proposal.status === 'open')) {
        void this.refresh();
      }
      this._changed.emit();
    }
  }

  async assign(assignee: string | null): Promise<boolean> {
    return this._runCall(() => this._client.assign(this._proposal.id, assignee));
  }

  async takeBack(): Promise<boolean> {
    if (this._deciding) {
      return false;
    }
    this._deciding = true;
    this._missed = false;
    this._changed.emit();
    const done = await this._runCall(() => this._client.undoApproval(this._proposal.id));
    this._deciding = false;
    if (done && this._missed) {
      void this.refresh();
    } else if (!done) {
      const { problem } = this;
      await this.refresh(); // the approval has probably become the decision
      this._problem = problem;
      if (this._proposal.status !== 'open') {
        this._surprise = { shown: this._proposal, now: this._proposal }; // a decided card tells why it was refused
      }
    }
    this._changed.emit();
    return done;
  }

  refresh(): Promise<void> {
    return this._reading.run();
  }

  dispose(): void {
    this._disposed = true;
    this._checking.cancel();
    this._feed.changed.disconnect(this._onFeed, this);
    this._editing?.dispose();
    this._editing = null;
    Signal.clearData(this);
  }

  private async _read(): Promise<void> {
    const writes = this._writes;
    try {
      const found = await this._client.getProposal(this._proposal.id);
      const before = this._proposal;
      if (writes !== this._writes || isOlder(found, before)) {
        if (before.status === 'open' && !this._disposed) {
          void this.refresh(); // the read began before this window's vote, or before another change
        }
        return;
      }
      this._reads++;
      const draft = this._deciding ? undefined : unusedEdits(this._typed, found);
      if (draft) {
        this._surprise = { shown: before, now: found, draft };
      }
      this._applyProposal(found);
      await this._readRun();
    } catch (reason) {
      this._problem = errorText(reason);
    }
    this._changed.emit();
  }

  /** The value in the editor, and whether it was edited in this window; null without a draft. */
  private get _typed(): ITypedValue | null {
    const { draft, value, hasEdits } = this;
    return draft && { value, isSaved: draft.isSaved, isEdited: draft.canUndo && hasEdits };
  }

  /** Use a newer record. The draft of a proposal that is not open is closed. */
  private _applyProposal(found: IProposal): void {
    this._proposal = found;
    this._editing?.applyProposal(found);
    this.discussion?.merge(found.comments);
    if (found.status !== 'open') {
      this._editing?.dispose();
      this._editing = null;
    }
  }

  private _onFeed(_: unknown, changed: FeedChange): void {
    const { id, document } = this._proposal;
    const isAbout =
      changed === null || changed.proposals.includes(id) || changed.workspaces?.includes(document);
    if (this._deciding) {
      this._missed ||= isAbout === true; // read after the answer
      return;
    }
    if (isAbout) {
      void this.refresh();
    } else if (changed?.runs.includes(this._proposal.run)) {
      void this._refreshRun();
    }
  }

  private async _refreshRun(): Promise<void> {
    try {
      await this._readRun();
    } catch (reason) {
      this._problem = errorText(reason);
    }
    this._changed.emit();
  }

  /** Read the run. An answer is used only if nothing newer is known by then. */
  private async _readRun(): Promise<void> {
    const writes = this._writes;
    const number = ++this._runReads;
    const { run } = await this._client.getRun(this._proposal.run);
    if (number === this._runReads && writes === this._writes) {
      this._run = run;
    }
  }

  /** Handle a change of the draft, made here or elsewhere. */
  private _onTyped(value: boolean): void {
    if (this._disposed) {
      return;
    }
    const synced = this.draft?.isSynced ?? false;
    if (value || (synced && !this._synced)) {
      this._checking.scheduleCheck(); // while offline there was no answer
    }
    this._synced = synced;
    const closed = this.draft?.closeReason ?? '';
    if (closed && !this._closed && !this._deciding) {
      void this.refresh(); // the proposal was probably decided
    }
    this._closed = closed;
    this._changed.emit();
  }

  private _checkedValue = (): Json | undefined =>
    this.hasEdits && !this.invalidReason ? this.value : undefined;

  private async _onRefusal(reason: unknown, shown: IProposal): Promise<void> {
    if (reason instanceof ApiError && ['AlreadyDecided', 'StaleDraft'].includes(reason.error)) {
      const refusedAt = Date.now();
      const typed = this._typed; // reading the decided record closes the draft
      await this.refresh();
      const { draft = unusedEdits(typed, this._proposal) } = reason.details.difference ?? {};
      this._surprise = { shown, now: this._proposal, refusedAt, draft };
    }
    if (reason instanceof ApiError && reason.details.fields) {
      this._checking.refuse(reason.details.fields);
      return; // the messages are at their fields, and go when these are corrected
    }
    if (this._proposal.status === 'open') {
      await this._checking.checkNow(); // this check was left out before the decision
    }
    this._problem = errorText(reason);
  }

  private async _runCall(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      this._writes++;
      this._problem = '';
    } catch (reason) {
      this._problem = errorText(reason);
      this._changed.emit();
      return false;
    }
    await this.refresh();
    return true;
  }

  private _client: Client;
  private _feed: Feed;
  /** Edits of the draft, while there is something to decide. */
  private _editing: DraftEditing | null = null;
  private _checking: EditCheck;
  // Reading a large proposal takes seconds. Changes during that time are read once after it.
  private _reading = new SingleFlight(() => this._read());
  /** Numbers of reads of the record, of changes made here, and of reads of the run. */
  private _reads = 0;
  private _writes = 0;
  private _runReads = 0;
  /** Whether the record may have changed while a decision was sent. */
  private _missed = false;
  private _problem = '';
  private _surprise: IDecisionConflict | null = null;
  private _deciding = false;
  private _closed = '';
  private _synced = true;
  private _disposed = false;
  private _changed = new Signal<IProposalModel, void>(this);
}

/** Return true if a record is older than another one: it is of an earlier revision, or open where the other is closed. */
function isOlder(found: IProposal, known: IProposal): boolean {
  return found.revision < known.revision || (found.status === 'open' && known.status !== 'open');
}

/** The value in the editor at a moment. */
interface ITypedValue {
  value: Json;
  /** Whether the server has all that was typed. */
  isSaved: boolean;
  /** Whether it has edits of this window. */
  isEdited: boolean;
}

/** The value that was edited in this window, if somebody else's decision has closed the proposal without it. */
function unusedEdits(typed: ITypedValue | null, found: IProposal): IDecisionConflict['draft'] {
  const { status, decision } = found;
  if (status === 'open' || typed === null) {
    return undefined;
  }
  const { value, isSaved, isEdited } = typed;
  const now = decision?.value ?? found.value;
  const isTaken = decision === null || (['approve', 'edit'].includes(decision.action) && isSame(now, value));
  return !isSaved || (isEdited && !isTaken) ? { shown: value, now } : undefined;
}

function errorText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
