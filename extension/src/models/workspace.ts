/**
 * A workspace over the REST API: its record, the shared document while people may write in it, its comments, and the
 * state of its run.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { FeedChange, Feed } from '../api/feed';
import { SingleFlight } from '../api/single-flight';
import type { IRun, IProposalSummary, IWorkspace } from '../api/types';
import type { IDraft, IDraftChange } from '../drafts/draft';
import { Discussion } from './discussion';
import type { IModelSource } from './proposal';

/** How long the agent counts as writing after its last edit, in milliseconds. */
const WRITING_MS = 2000;

/** A workspace's run, and the proposals of its last pause. */
export interface IWorkspaceRun {
  run: IRun;
  proposals: readonly IProposalSummary[];
}

/** A workspace with its shared document, kept up to date by the feed. */
export class WorkspaceModel {
  constructor(
    { client, feed, drafts }: IModelSource,
    private _workspace: IWorkspace,
    private _standing: IWorkspaceRun | null = null
  ) {
    this._client = client;
    this._feed = feed;
    this._drafts = drafts;
    this.discussion = new Discussion(client, _workspace.id);
    void this.discussion.read();
    this._openDraft();
    feed.changed.connect(this._onFeed, this);
  }

  /** The comments on the document. */
  readonly discussion: Discussion;

  /** The record as last read. */
  get workspace(): IWorkspace {
    return this._workspace;
  }

  /** The workspace's run, where known. */
  get run(): IRun | null {
    return this._standing?.run ?? null;
  }

  /** The last question whether the workspace is done, if it was decided and is known. */
  get decidedQuestion(): IProposalSummary | null {
    const about = this._standing?.proposals.find(one => one.document === this._workspace.id);
    return about?.decision ? about : null;
  }

  /** The shared document; null if nobody may write now. */
  get draft(): IDraft | null {
    return this._draft;
  }

  /** Whether the agent is writing. It is assumed if a new edit comes from a peer that is not present. */
  get isAgentWriting(): boolean {
    return this._writing !== null;
  }

  /** Text of the document when it was closed before everything typed here was saved; null if nothing was lost. */
  get lostText(): string | null {
    return this._lost;
  }

  /** Error of the last call, as a sentence for people, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<WorkspaceModel, void> {
    return this._changed;
  }

  /** Read the record again. */
  refresh(): Promise<void> {
    return this._reading.run();
  }

  dispose(): void {
    this._disposed = true;
    this._feed.changed.disconnect(this._onFeed, this);
    this._closeDraft();
    Signal.clearData(this);
  }

  private async _read(): Promise<void> {
    const { id, run } = this._workspace;
    try {
      const [workspace, standing] = await Promise.all([
        this._client.getWorkspace(id),
        this._client.getRun(run)
      ]);
      if (this._disposed) {
        return;
      }
      this._workspace = workspace;
      this._standing = standing;
      this._problem = '';
      this._openDraft();
    } catch (reason) {
      this._problem = reason instanceof Error ? reason.message : String(reason);
    }
    this._changed.emit();
  }

  /** Keep the draft open while the workspace is open. After a room was closed, a new room is opened. */
  private _openDraft(): void {
    const { id, kind, template, status, updated_at } = this._workspace;
    const draft = this._draft;
    if (draft && (status !== 'open' || (draft.closeReason && this._openedAt !== updated_at))) {
      this._lost = draft.isSaved || draft.value === this._workspace.text ? null : String(draft.value);
      this._closeDraft();
    }
    if (status === 'open' && this._draft === null) {
      this._openedAt = updated_at;
      this._closed = '';
      this._draft = this._drafts.open({ document: id, kind, value: template });
      this._draft.changed.connect(this._onDraft, this);
    }
  }

  private _closeDraft(): void {
    this._stopWriting();
    this._draft?.changed.disconnect(this._onDraft, this);
    this._draft?.dispose();
    this._draft = null;
  }

  private _onFeed(_: unknown, changed: FeedChange): void {
    const { id, run } = this._workspace;
    const about = changed === null || changed.workspaces?.includes(id);
    if (about) {
      void this.discussion.read();
    }
    if (about || changed?.runs.includes(run)) {
      void this.refresh();
    }
  }

  private _onDraft(draft: IDraft, { remote, peers }: IDraftChange): void {
    const here = new Set(draft.people.map(one => one.client));
    // Edits that arrive before the document is in step are older ones.
    if (remote && draft.isSynced && this.run?.status === 'running' && peers.some(peer => !here.has(peer))) {
      this._stopWriting();
      this._writing = setTimeout(() => {
        this._writing = null;
        this._changed.emit();
      }, WRITING_MS);
    }
    if (draft.closeReason && this._closed !== draft.closeReason) {
      void this.refresh(); // the workspace was probably decided or closed
    }
    this._closed = draft.closeReason;
    this._changed.emit();
  }

  private _stopWriting(): void {
    clearTimeout(this._writing ?? undefined);
    this._writing = null;
  }

  private _client: Client;
  private _feed: Feed;
  private _drafts: IModelSource['drafts'];
  private _draft: IDraft | null = null;
  /** `updated_at` of the record when the room was opened. */
  private _openedAt = '';
  private _closed = '';
  private _lost: string | null = null;
  private _writing: ReturnType<typeof setTimeout> | null = null;
  private _problem = '';
  private _disposed = false;
  private _reading = new SingleFlight(() => this._read());
  private _changed = new Signal<WorkspaceModel, void>(this);
}
