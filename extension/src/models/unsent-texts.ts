/**
 * Texts that a person has typed and not sent: reasons, answers, comments. They are kept for the window, so that they
 * survive that a card is closed, drawn again, or decided by somebody else.
 */

import { ISignal, Signal } from '@lumino/signaling';
import type { ICommentDraft } from './discussion';

/** The purpose of a typed text. "result": what a step returned; "flag": what was wrong with an approval. */
export type UnsentPurpose =
  'approve' | 'reject' | 'answer' | 'result' | 'flag' | 'comment' | 'suggestion' | 'reply';

/** The field of a text: its purpose, and of a reply the comment too. */
export type UnsentField = Exclude<UnsentPurpose, 'reply'> | `reply ${string}`;

/** A text that was not sent. */
export interface IUnsentText {
  purpose: UnsentPurpose;
  text: string;
}

/** The unsent texts of one window, by the proposal or document that they are about. */
export class UnsentTexts {
  /** Return the text of a field; undefined if nothing was typed there. */
  getText(subject: string, field: UnsentField): string | undefined {
    return this._texts.get(subject)?.get(field);
  }

  /** Keep the text of a field; undefined forgets it. */
  setText(subject: string, field: UnsentField, text: string | undefined): void {
    if (text === this.getText(subject, field)) {
      return;
    }
    const texts = new Map(this._texts.get(subject));
    if (text === undefined) {
      texts.delete(field);
    } else {
      texts.set(field, text);
    }
    this._texts.set(subject, texts);
    this._changed.emit();
  }

  /** List the texts about a subject that are not empty. */
  list(subject: string): IUnsentText[] {
    return [...(this._texts.get(subject) ?? [])]
      .filter(([, text]) => text.trim() !== '')
      .map(([field, text]) => ({ purpose: field.split(' ')[0] as UnsentPurpose, text }));
  }

  /** Forget all texts about a subject, and the part of the document that they are about. */
  drop(subject: string): void {
    this._texts.delete(subject);
    this._selections.delete(subject);
    this._changed.emit();
  }

  /** Return the part of a document that the unsent comment is about; null if it is about the whole document. */
  getSelection(document: string): ICommentDraft | null {
    return this._selections.get(document) ?? null;
  }

  /** Return true if there is an unsent comment, suggestion or reply on a document. */
  hasComment(document: string): boolean {
    const purposes: UnsentPurpose[] = ['comment', 'suggestion', 'reply'];
    return this._selections.has(document) || this.list(document).some(one => purposes.includes(one.purpose));
  }

  /** Keep the part of a document that the unsent comment is about. */
  setSelection(document: string, selection: ICommentDraft | null): void {
    if (selection) {
      this._selections.set(document, selection);
    } else {
      this._selections.delete(document);
    }
  }

  /** Note that this window has decided a proposal, so that no other person did. */
  noteDecision(proposal: string): void {
    this._decided.add(proposal);
  }

  /** Return true if this window has decided a proposal. */
  hasDecided(proposal: string): boolean {
    return this._decided.has(proposal);
  }

  /** Emitted when a text changed. */
  get changed(): ISignal<UnsentTexts, void> {
    return this._changed;
  }

  private _texts = new Map<string, ReadonlyMap<UnsentField, string>>();
  private _selections = new Map<string, ICommentDraft>();
  private _decided = new Set<string>();
  private _changed = new Signal<UnsentTexts, void>(this);
}

const windows = new WeakMap<object, UnsentTexts>();

/** Return the unsent texts of a window, which is named by its host. */
export function unsentTexts(host: object): UnsentTexts {
  const known = windows.get(host) ?? new UnsentTexts();
  windows.set(host, known);
  return known;
}
