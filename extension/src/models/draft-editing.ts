/**
 * What is in the editor of an open proposal: what its record said until the shared draft is there, and then the draft.
 */

import type { IProposal, Json } from '../api/types';
import { mayBeText } from '../drafts/shared-document';
import type { IDraft } from '../drafts/draft';
import { mergeJson } from '../drafts/json-merge';
import { isSame } from '../drafts/json-parts';

export class DraftEditing {
  /** @param _changed - called after any change; `value` if the draft says something else. */
  constructor(
    private _proposal: IProposal,
    readonly draft: IDraft,
    private _changed: (value: boolean) => void
  ) {
    this._asText = draft.unfinished !== null;
    this._loaded = draft.loaded;
    draft.changed.connect(this._onDraft, this);
  }

  get value(): Json {
    const { draft } = this;
    if (!draft.loaded) {
      return initialValue(this._proposal);
    }
    return this._asText && draft.unfinished !== null ? draft.unfinished : draft.value;
  }

  /** Why what is typed is no value yet, or "". */
  get unfinished(): string {
    const { draft } = this;
    if (!draft.loaded) {
      const { value } = this;
      return typeof value === 'string' && !mayBeText(this._proposal) ? closedReason(value) : '';
    }
    return this._broken || (draft.unfinished === null ? '' : closedReason(draft.unfinished));
  }

  get edited(): boolean {
    const { value } = this;
    if (this._compared.value !== value) {
      this._compared = { value, same: isSame(value, votedValue(this._proposal)) };
    }
    return !this._compared.same;
  }

  get saved(): string {
    return saveStatus(this.draft);
  }

  get canUndo(): boolean {
    return this._broken !== '' || this.draft.canUndo;
  }

  edit(value: Json, base: Json): void {
    const { draft } = this;
    this._broken = '';
    draft.edit(base === draft.value ? value : mergeJson(base, value, draft.value));
  }

  cannotEdit(text: string, reason: string): void {
    this._broken = reason;
    this.draft.editUnfinished(text);
    this._changed(false);
  }

  startOver(): void {
    this._broken = '';
    this.draft.edit(this._proposal.value);
    this._changed(true);
  }

  /** What is no value goes first, if it was typed here. */
  undo(): void {
    if (this._broken) {
      this._broken = '';
      this.draft.edit(this.draft.value);
      this._changed(true);
    } else {
      this.draft.undo();
    }
  }

  /** The record is this now: people may vote on another value. */
  applyProposal(proposal: IProposal): void {
    this._proposal = proposal;
    this._compared = { value: undefined, same: true };
  }

  /** Settles when what was typed is safe, or cannot be made so now: whether it is. */
  waitUntilSaved(): Promise<boolean> {
    return new Promise(resolve => {
      const look = (): void => {
        if (this.saved !== 'saving') {
          this.draft.changed.disconnect(look);
          resolve(this.saved === 'saved');
        }
      };
      this.draft.changed.connect(look);
      look();
    });
  }

  dispose(): void {
    this.draft.changed.disconnect(this._onDraft, this);
    this.draft.dispose();
  }

  private _onDraft(_: unknown, { value }: { value: boolean }): void {
    const { draft } = this;
    const first = draft.loaded && !this._loaded;
    this._loaded = draft.loaded;
    // What was no value when the draft was opened is shown as text until it is one.
    this._asText = draft.unfinished !== null && (this._asText || first);
    this._changed(value || first);
  }

  /** What is typed in this very card and is no value: why. */
  private _broken = '';
  private _asText: boolean;
  private _loaded: boolean;
  /** Asked for at every drawing. */
  private _compared: { value: Json | undefined; same: boolean } = { value: undefined, same: true };
}

/** Whether what was typed is safe: "saved", or just "saving", "loading" or "offline"; or why nobody writes, a sentence. */
export function saveStatus(draft: IDraft): string {
  const state = !draft.loaded ? 'loading' : !draft.synced ? 'offline' : draft.saved ? 'saved' : 'saving';
  return draft.closed || state;
}

/** What people vote on: what was proposed, or what somebody has made of it. */
function votedValue({ candidate, value }: IProposal): Json {
  return candidate === undefined ? value : candidate;
}

/** What a record says is in the editor. */
export function initialValue(proposal: IProposal): Json {
  return proposal.draft === undefined ? proposal.value : proposal.draft;
}

function closedReason(text: string): string {
  try {
    JSON.parse(text);
  } catch (reason) {
    return `not JSON yet: ${reason instanceof Error ? reason.message : String(reason)}`;
  }
  return 'not JSON yet';
}
