/**
 * A proposal over the REST API. What is typed is kept on the server shortly after, and checked there: the rules for an
 * edit live in one place. A decision names the revision that was shown; whatever else the server has is a surprise.
 */

import { JSONExt } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { Changed, Feed } from '../api/feed';
import { Latest } from '../api/latest';
import type { Action, IProposal, IRun, Json, Kind } from '../api/types';
import type { IProposalModel } from './index';

/** Milliseconds from the last keystroke until the draft is saved and checked. */
const PAUSE = 400;

/** Milliseconds until a draft that could not be saved is tried again. */
const RETRY = 2000;

const TEXTS: readonly Kind[] = ['text', 'markdown', 'code'];

export class ProposalModel implements IProposalModel {
  constructor(
    private _client: Client,
    private _feed: Feed,
    private _proposal: IProposal,
    private _run: IRun | null = null
  ) {
    this._start(_proposal);
    _feed.changed.connect(this._heard, this);
    if (this.edited) {
      void this._checking.run();
    }
  }

  get proposal(): IProposal {
    return this._proposal;
  }

  get run(): IRun | null {
    return this._run;
  }

  get value(): Json {
    return this._value;
  }

  get unfinished(): string {
    return this._unfinished;
  }

  get edited(): boolean {
    const { _value: value, _compared: last } = this;
    const proposed = this._proposal.value;
    if (last.value !== value || last.proposed !== proposed) {
      this._compared = { value, proposed, same: same(value, proposed) };
    }
    return !this._compared.same;
  }

  get fields(): { [path: string]: string } {
    return this._fields;
  }

  get changes(): string {
    return this._changes;
  }

  get problem(): string {
    return this._problem;
  }

  get surprise(): { shown: IProposal; now: IProposal } | null {
    return this._surprise;
  }

  get deciding(): boolean {
    return this._deciding;
  }

  get saved(): string {
    return this._saved;
  }

  get changed(): ISignal<IProposalModel, void> {
    return this._changed;
  }

  edit(value: Json): void {
    this._value = value;
    this._unfinished = '';
    this._later(value);
  }

  cannotEdit(text: string, why: string): void {
    this._unfinished = why;
    this._later(text);
  }

  startOver(): void {
    this._value = this._proposal.value;
    this._unfinished = '';
    this._later(undefined);
  }

  async decide(action: Action, options: { reason?: string; message?: string }): Promise<boolean> {
    if (this._deciding) {
      return false;
    }
    this._deciding = true;
    this._problem = '';
    this._surprise = null;
    this._checking.cancel(); // a decision is checked by itself
    this._changed.emit();
    const shown = this._proposal;
    try {
      await this._flush(); // if that fails, the decision brings the value all the same
      const value = action === 'edit' ? this._value : action === 'respond' ? options.message : undefined;
      const answer = await this._client.decide(shown, { action, value, reason: options.reason });
      this._proposal = answer.proposal;
      this._run = answer.run;
      return true;
    } catch (reason) {
      await this._refused(reason, shown);
      return false;
    } finally {
      this._deciding = false;
      this._changed.emit();
    }
  }

  async comment(text: string): Promise<boolean> {
    return this._tell(() => this._client.comment(this._proposal.id, text));
  }

  async assign(assignee: string | null): Promise<boolean> {
    return this._tell(() => this._client.assign(this._proposal.id, assignee));
  }

  refresh(): Promise<void> {
    return this._reading.run();
  }

  private async _read(): Promise<void> {
    const typed = this._value;
    const settled = this._safe && this._saving === null;
    try {
      const found = await this._client.proposal(this._proposal.id);
      const before = this._proposal;
      if (before.status !== 'open' && found.status === 'open') {
        return; // decided here since the reading began
      }
      const overtaken = before.status === 'open' && found.status !== 'open' && this.edited && !this._deciding;
      this._proposal = found;
      if (overtaken) {
        this._surprise = { shown: before, now: found };
      }
      // What was typed here since the reading began is newer than what was read.
      const kept = settled && this._safe && this._value === typed;
      if (kept && !this._unfinished && !same(started(found), typed)) {
        this._start(found); // typed in another window
        void this._checking.run();
      }
      this._run = (await this._client.run(found.run)).run;
    } catch (reason) {
      this._problem = said(reason);
    }
    this._changed.emit();
  }

  dispose(): void {
    this._disposed = true;
    this._reading.cancel();
    this._checking.cancel();
    if (!this._safe) {
      void this._flush();
    }
    this._feed.changed.disconnect(this._heard, this);
    Signal.clearData(this);
  }

  /** Show a record's draft, or what was proposed. */
  private _start(proposal: IProposal): void {
    this._value = started(proposal);
    const isText = TEXTS.includes(proposal.kind) || typeof proposal.value === 'string';
    this._unfinished =
      typeof this._value === 'string' && !isText && proposal.kind !== 'choice' ? 'not JSON yet' : '';
  }

  private _heard(_: unknown, changed: Changed): void {
    if (this._deciding) {
      return;
    }
    const { id } = this._proposal;
    if (changed === null || changed.proposals.includes(id)) {
      void this.refresh();
    } else if (changed.drafts.includes(id)) {
      if (this._echo) {
        this._echo = false; // the draft that is on its way from here
      } else {
        void this.refresh();
      }
    } else if (changed.runs.includes(this._proposal.run)) {
      void this._refreshRun();
    }
  }

  private async _refreshRun(): Promise<void> {
    try {
      this._run = (await this._client.run(this._proposal.run)).run;
    } catch (reason) {
      this._problem = said(reason);
    }
    this._changed.emit();
  }

  /** Keep `draft` (nothing: the agent's version again) on the server soon. */
  private _later(draft: Json | undefined): void {
    this._draft = draft;
    this._safe = false;
    this._saved = 'saving';
    this._wait(PAUSE);
    this._changed.emit();
  }

  private _wait(milliseconds: number): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this._flush(), milliseconds);
  }

  /** Save what was typed; one call at a time, until the newest text is safe or one failed. Then it is checked. */
  private _flush(): Promise<void> {
    clearTimeout(this._timer);
    this._saving ??= this._save().finally(() => {
      this._saving = null;
    });
    return this._saving;
  }

  private async _save(): Promise<void> {
    const { id } = this._proposal;
    try {
      while (!this._safe) {
        const draft = this._draft;
        this._safe = true;
        this._echo = true;
        await (draft === undefined ? this._client.dropDraft(id) : this._client.saveDraft(id, draft));
      }
      this._saved = 'saved';
    } catch (reason) {
      this._safe = false;
      this._saved = said(reason);
      if (!this._disposed && this._proposal.status === 'open') {
        this._wait(RETRY);
      }
    }
    this._echo = false;
    this._changed.emit();
    if (!this._deciding) {
      void this._checking.run();
    }
  }

  /** Have the value checked. */
  private async _check(): Promise<void> {
    if (!this.edited || this._unfinished) {
      this._fields = {};
      this._changes = '';
      return;
    }
    const value = this._value;
    try {
      const answer = await this._client.check(this._proposal.id, value);
      if (value === this._value) {
        this._fields = {};
        this._changes = answer.changes;
        this._problem = '';
      }
    } catch (reason) {
      if (value !== this._value) {
        return;
      }
      if (reason instanceof ApiError && reason.details.fields) {
        this._fields = reason.details.fields;
      } else {
        this._problem = said(reason);
      }
    }
  }

  private async _refused(reason: unknown, shown: IProposal): Promise<void> {
    if (reason instanceof ApiError && ['AlreadyDecided', 'StaleDraft'].includes(reason.error)) {
      await this.refresh();
      this._surprise = { shown, now: this._proposal };
    }
    if (reason instanceof ApiError && reason.details.fields) {
      this._fields = reason.details.fields;
    } else if (this._proposal.status === 'open') {
      await this._checking.run(); // it was left out before the decision
    }
    this._problem = said(reason);
  }

  private async _tell(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      this._problem = '';
    } catch (reason) {
      this._problem = said(reason);
      this._changed.emit();
      return false;
    }
    await this.refresh();
    return true;
  }

  private _value: Json = null;
  private _draft: Json | undefined;
  /** Whether the newest text is on the server, or on its way there. */
  private _safe = true;
  private _saving: Promise<void> | null = null;
  /** Whether a draft is being saved, and the feed has not told of it yet: it names drafts without a run. */
  private _echo = false;
  // A large proposal is read and checked for seconds; what is typed meanwhile is saved all the same.
  private _reading = new Latest(() => this._read());
  private _checking = new Latest(async () => {
    await this._check();
    this._changed.emit();
  });
  /** Whether these two are the same: asked for at every drawing. */
  private _compared: { value: Json; proposed: Json; same: boolean } = {
    value: null,
    proposed: null,
    same: true
  };
  private _unfinished = '';
  private _fields: { [path: string]: string } = {};
  private _changes = '';
  private _problem = '';
  private _surprise: { shown: IProposal; now: IProposal } | null = null;
  private _deciding = false;
  private _saved = 'saved';
  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _changed = new Signal<IProposalModel, void>(this);
}

function started(proposal: IProposal): Json {
  return proposal.draft === undefined ? proposal.value : proposal.draft;
}

function same(one: Json, other: Json): boolean {
  return JSONExt.deepEqual(one, other);
}

function said(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
