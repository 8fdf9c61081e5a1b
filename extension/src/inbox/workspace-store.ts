/**
 * The workspaces that are not closed, for the inbox, and which of them is open there.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { Client } from '../api/client';
import { ApiError } from '../api/errors';
import type { Feed } from '../api/feed';
import { SingleFlight } from '../api/single-flight';
import type { IWorkspaceSummary } from '../api/types';

/** Workspaces of a page, and pages that are read. */
const PAGE_SIZE = 50;
const MAX_PAGES = 4;

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

  /** Newest first. */
  get found(): readonly IWorkspaceSummary[] {
    return this._found;
  }

  /** The one that is open in the inbox, as last seen; it stays when it is closed for good. */
  get opened(): IWorkspaceSummary | null {
    return this._opened;
  }

  /** What went wrong with reading them, for people, or "". */
  get problem(): string {
    return this._problem;
  }

  /** Emitted after any change of the above. */
  get changed(): ISignal<WorkspaceStore, void> {
    return this._changed;
  }

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
      // A server without workspaces has none; that there is no server, the list says.
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
