/**
 * The workspaces that are not closed, for the inbox, and the one that is open there.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../../api/client';
import { ApiError } from '../../api/errors';
import type { Feed } from '../../api/feed';
import { SingleFlight } from '../../api/single-flight';
import type { IWorkspaceSummary } from '../../api/types';

/** Workspaces per page, and most pages that are read. */
const PAGE_SIZE = 50;
const MAX_PAGES = 4;

/** The workspaces that are not closed. */
export class WorkspaceStore {
  constructor(
    private _client: Client,
    feed: Feed
  ) {
    feed.changed.connect((_, changed) => {
      if (changed === null || (changed.workspaces ?? []).length > 0) {
        void this._reading.run();
      }
    });
    void this._reading.run();
  }

  /** The workspaces, newest first. */
  get found(): readonly IWorkspaceSummary[] {
    return this._found;
  }

  /** The workspace that is open in the inbox, as last read. It stays open after it is closed for good. */
  get opened(): IWorkspaceSummary | null {
    return this._opened;
  }

  /** Error of the last read, as a sentence for people, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<WorkspaceStore, void> {
    return this._changed;
  }

  /** Open a workspace in the inbox; null closes it. */
  open(workspace: IWorkspaceSummary | null): void {
    if (workspace !== this._opened) {
      this._opened = workspace;
      this._changed.emit();
    }
  }

  private async _read(): Promise<void> {
    const found: IWorkspaceSummary[] = [];
    try {
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const { workspaces, next } = await this._client.listWorkspaces(PAGE_SIZE, cursor);
        found.push(...workspaces);
        if (next === null) {
          break;
        }
        cursor = next;
      }
      this._found = found;
      this._opened = found.find(one => one.id === this._opened?.id) ?? this._opened;
      this._problem = '';
    } catch (reason) {
      // A server without workspaces answers with 404. If the server cannot be reached, the list of proposals says so.
      this._problem = reason instanceof ApiError && [0, 404].includes(reason.status) ? '' : errorText(reason);
    }
    this._changed.emit();
  }

  private _found: readonly IWorkspaceSummary[] = [];
  private _opened: IWorkspaceSummary | null = null;
  private _problem = '';
  private _reading = new SingleFlight(() => this._read());
  private _changed = new Signal<WorkspaceStore, void>(this);
}

function errorText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
