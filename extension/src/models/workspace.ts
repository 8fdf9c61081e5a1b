/**
 * A workspace over the REST API: its record, the shared document as long as people may write there, what was said about
 * it, and how its run stands.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { FeedChange, Feed } from '../api/feed';
import { SingleFlight } from '../api/single-flight';
import type { IRun, IProposalSummary, IWorkspace } from '../api/types';
import type { IDraft, IDraftChange } from '../drafts/draft';
import { Discussion } from './discussion';
import type { IModelSource } from './proposal';

/** Milliseconds after its last words in which the agent is writing. */
const WRITING_MS = 2000;

/** How a workspace's run stands, and what its last pause asked. */
export interface IWorkspaceRun {
  run: IRun;
  proposals: readonly IProposalSummary[];
}

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

  readonly discussion: Discussion;

  get workspace(): IWorkspace {
    return this._workspace;
  }

  get run(): IRun | null {
    return this._standing?.run ?? null;
  }

  /** The question whether it is done that was decided last, where known. */
  get decided(): IProposalSummary | null {
    const about = this._standing?.proposals.find(one => one.document === this._workspace.id);
    return about?.decision ? about : null;
  }

  /** What everybody writes; null if nobody may now. */
  get draft(): IDraft | null {
    return this._draft;
  }

  /** Whether the agent is writing, as far as can be told: nobody who is here wrote what has just come. */
  get writing(): boolean {
    return this._writing !== null;
  }

  /** What the document said here when it was closed before all that was typed was safe; null if nothing is lost. */
  get lostText(): string | null {
    return this._lost;
  }

  /** What went wrong with the last call, for people, or "". */
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

  /** Be in the room as long as the workspace is open. A room that was closed meanwhile is another one now. */
  private _openDraft(): void {
    const { id, kind, template, status, updated_at } = this._workspace;
    const draft = this._draft;
    if (draft && (status !== 'open' || (draft.closed && this._openedAt !== updated_at))) {
      this._lost = draft.saved || draft.value === this._workspace.text ? null : String(draft.value);
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
    // What comes before the document is in step is what was missed.
    if (remote && draft.synced && this.run?.status === 'running' && peers.some(peer => !here.has(peer))) {
      this._stopWriting();
      this._writing = setTimeout(() => {
        this._writing = null;
        this._changed.emit();
      }, WRITING_MS);
    }
    if (draft.closed && this._closed !== draft.closed) {
      void this.refresh(); // most likely it is decided or closed
    }
    this._closed = draft.closed;
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
  /** As of which record the room was entered. */
  private _openedAt = '';
  private _closed = '';
  private _lost: string | null = null;
  private _writing: ReturnType<typeof setTimeout> | null = null;
  private _problem = '';
  private _disposed = false;
  private _reading = new SingleFlight(() => this._read());
  private _changed = new Signal<WorkspaceModel, void>(this);
}
