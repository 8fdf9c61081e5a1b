/**
 * The value in the editor of an open proposal: that of its record until the shared draft is loaded, then that of the
 * draft.
 */

import type { IProposal, Json } from '../api/types';
import { mayBeText } from '../drafts/shared-document';
import type { IDraft } from '../drafts/draft';
import { mergeJson } from '../drafts/json-merge';
import { isSame } from '../drafts/json-parts';

/** Edits of one proposal's shared draft. */
export class DraftEditing {
  /** @param _onChange - called after any change; `value` is true if the value of the draft changed. */
  constructor(
    private _proposal: IProposal,
    readonly draft: IDraft,
    private _onChange: (value: boolean) => void
  ) {
    this._asText = draft.unfinishedText !== null;
    this._loaded = draft.isLoaded;
    draft.changed.connect(this._onDraft, this);
  }

  /** The value in the editor: the draft's value, or typed text that is not a valid value yet. */
  get value(): Json {
    const { draft } = this;
    if (!draft.isLoaded) {
      return initialValue(this._proposal);
    }
    return this._asText && draft.unfinishedText !== null ? draft.unfinishedText : draft.value;
  }

  /** Why the typed text is not a valid value yet, or "". */
  get invalidReason(): string {
    const { draft } = this;
    if (!draft.isLoaded) {
      const { value } = this;
      return typeof value === 'string' && !mayBeText(this._proposal) ? closedReason(value) : '';
    }
    return this._broken || (draft.unfinishedText === null ? '' : closedReason(draft.unfinishedText));
  }

  /** Whether the value differs from the value that people vote on. */
  get hasEdits(): boolean {
    const { value } = this;
    if (this._compared.value !== value) {
      this._compared = { value, same: isSame(value, votedValue(this._proposal)) };
    }
    return !this._compared.same;
  }

  /** Whether the typed text is saved; see `saveStatus`. */
  get saveStatus(): string {
    return saveStatus(this.draft);
  }

  get canUndo(): boolean {
    return this._broken !== '' || this.draft.canUndo;
  }

  /** Write a value that was made from `base`. If others have changed the draft since, both changes are merged. */
  edit(value: Json, base: Json): void {
    const { draft } = this;
    this._broken = '';
    draft.edit(base === draft.value ? value : mergeJson(base, value, draft.value));
  }

  /** Keep a typed text that is not a valid value, with the reason. */
  cannotEdit(text: string, reason: string): void {
    this._broken = reason;
    this.draft.editUnfinished(text);
    this._onChange(false);
  }

  /** Replace the draft by the agent's version. */
  startOver(): void {
    this._broken = '';
    this.draft.edit(this._proposal.value);
    this._onChange(true);
  }

  /** Undo the last edit of this window. Text that is not a valid value, if typed here, is dropped first. */
  undo(): void {
    if (this._broken) {
      this._broken = '';
      this.draft.edit(this.draft.value);
      this._onChange(true);
    } else {
      this.draft.undo();
    }
  }

  /** Use a newer record: people may vote on another value now. */
  applyProposal(proposal: IProposal): void {
    this._proposal = proposal;
    this._compared = { value: undefined, same: true };
  }

  /** Wait until the typed text is saved, or cannot be saved now. Resolves to true if it is saved. */
  waitUntilSaved(): Promise<boolean> {
    return new Promise(resolve => {
      const look = (): void => {
        if (this.saveStatus !== 'saving') {
          this.draft.changed.disconnect(look);
          resolve(this.saveStatus === 'saved');
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
    const first = draft.isLoaded && !this._loaded;
    this._loaded = draft.isLoaded;
    // Text that was unfinished when the draft was opened is shown as text until it is a valid value.
    this._asText = draft.unfinishedText !== null && (this._asText || first);
    this._onChange(value || first);
  }

  /** Why the text that was typed in this card is not a valid value, or "". */
  private _broken = '';
  private _asText: boolean;
  private _loaded: boolean;
  /** The last comparison, kept because `hasEdits` is read at every redraw. */
  private _compared: { value: Json | undefined; same: boolean } = { value: undefined, same: true };
}

/**
 * Return the save status of a draft: "saved", "saving", "loading" or "offline". If the draft is closed: the reason,
 * as a sentence.
 */
export function saveStatus(draft: IDraft): string {
  const state = !draft.isLoaded
    ? 'loading'
    : !draft.isSynced
      ? 'offline'
      : draft.isSaved
        ? 'saved'
        : 'saving';
  return draft.closeReason || state;
}

/** The value that people vote on: the proposed value, or an edited one. */
function votedValue({ candidate, value }: IProposal): Json {
  return candidate === undefined ? value : candidate;
}

/** Return the value that a proposal's record has for the editor: its draft, or the proposed value. */
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
