/**
 * The search in texts that rows do not have: values, drafts, evidence, comments. The server does it.
 */

import type { Client } from '../../api/client';
import { ApiError } from '../../api/errors';

/** Delay of the search after the last key, in milliseconds. */
const DELAY_MS = 150;

/** Most proposals that a search finds. */
const MAX_HITS = 500;

/** Searches on the server, and keeps what was found for the current words. */
export class ServerSearch {
  constructor(
    private _client: Client,
    private _onFound: () => void
  ) {}

  /** Ids of the found proposals. */
  get hits(): ReadonlySet<string> {
    return this._hits;
  }

  /** Search for these words a moment later; "" finds nothing. */
  look(words: string): void {
    const wanted = words.trim();
    if (wanted === this._words) {
      return;
    }
    this._words = wanted;
    this._hits = new Set();
    this._schedule();
  }

  /** Search for the same words again, because the proposals have changed. */
  repeat(): void {
    this._schedule();
  }

  dispose(): void {
    this._words = '';
    clearTimeout(this._timer);
  }

  private _schedule(): void {
    clearTimeout(this._timer);
    if (this._words) {
      this._timer = setTimeout(() => void this._search(this._words), DELAY_MS);
    }
  }

  private async _search(words: string): Promise<void> {
    try {
      const { proposals } = await this._client.listProposals({ search: words }, MAX_HITS);
      if (words === this._words) {
        this._hits = new Set(proposals.map(p => p.id));
        this._onFound();
      }
    } catch (reason) {
      // The rows' own texts are searched here, and the list says if the server does not answer.
      if (!(reason instanceof ApiError)) {
        throw reason;
      }
    }
  }

  private _words = '';
  private _hits: ReadonlySet<string> = new Set();
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
