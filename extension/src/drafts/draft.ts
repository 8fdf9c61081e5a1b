/**
 * A draft as the views see it: one document that everybody who has it open can edit at the same time.
 */

import type { YFile } from '@jupyter/ydoc';
import type { ISignal } from '@lumino/signaling';
import type { Awareness } from 'y-protocols/awareness';
import type { Json } from '../api/types';

/** A person who has the draft open; the current user too. */
export interface IPerson {
  /** Id of the person's browser window in this document. */
  client: number;
  username: string;
  name: string;
  initials: string;
  color: string;
  /** Whether this is the current window. */
  me: boolean;
  /** Whether the person typed within the last seconds. */
  typing: boolean;
  /** The field that the person is in, for values that are not text; null if none. */
  focus: string | null;
}

/** A person who has seen the draft, and when that was last. */
export interface IDraftReader {
  username: string;
  name: string;
  at: string;
}

/** A row that was removed from a shared table. It is not part of the value, and can be put back. */
export interface IRemovedRow {
  /** Name of the row; see `IDraft.keys`. */
  name: string;
  row: Json[];
  /** Index of the row of the value that follows it. */
  at: number;
  /** Id of the window that removed it; null if not known. */
  client: number | null;
}

/** The nature of a change of a draft. */
export interface IDraftChange {
  /** Whether the document changed, in its value or in how the value is written. */
  value: boolean;
  /** Whether another person's edit is part of the change. */
  remote: boolean;
  /** Ids of the peers whose edits are part of the change. */
  peers: readonly number[];
}

/** A shared draft. Text editors bind to `file`, other editors call `edit`. */
export interface IDraft {
  /** Id of the document: that of the proposal, or that of the workspace. */
  readonly document: string;
  /** The value in the document, as JSON. It is the same object until the value changes. */
  readonly value: Json;
  /**
   * For tables and lists: stable names of the rows or items, which stay the same while others are added or removed.
   */
  readonly keys: readonly string[] | null;
  /** For tables: the rows that people removed, in their order. */
  readonly removedRows: readonly IRemovedRow[];
  /** Typed text that is not yet a valid value, or null. */
  readonly unfinishedText: string | null;
  /** Whether the document was received from the server. Before that nothing can be typed. */
  readonly isLoaded: boolean;
  /** Whether the room is connected and in step now. */
  readonly isSynced: boolean;
  /** Whether everything that was typed here is saved on the server. */
  readonly isSaved: boolean;
  /** Why the room is closed for good, in a sentence, or "". */
  readonly closeReason: string;
  /** For text, markdown and code: the file that editors bind to. Null for other kinds. */
  readonly file: YFile | null;
  readonly awareness: Awareness;
  readonly people: readonly IPerson[];
  readonly readers: readonly IDraftReader[];
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Emitted after any change of the above. Edits of other people in a text are reported with a short delay. */
  readonly changed: ISignal<IDraft, IDraftChange>;

  /** Write another value into the document, as the smallest possible change. */
  edit(value: Json): void;
  /** Keep a text that is not a valid value yet, until the next `edit`. */
  editUnfinished(text: string): void;
  /** Remove a row of a table by its name. */
  removeRow(name: string): void;
  /** Put a removed row of a table back, with what was edited in it. */
  restoreRow(name: string): void;
  /** Make the next edit a step of its own for `undo`; without it, edits in quick succession are one step. */
  closeUndoStep(): void;
  /** Find the person of a window: one who is here, or was here since this draft was opened. */
  findPerson(client: number): IPerson | null;
  /** Undo or redo the edits of this window; edits of others stay. */
  undo(): void;
  redo(): void;
  /** Tell the others which field this person is in; null: none. */
  focus(path: string | null): void;
  /** Record whether the draft is visible in `view`, one of the places in this window that show it. */
  show(view: object, visible: boolean): void;
  /** Try to reach the server now, without waiting for the next attempt. */
  reconnect(): void;
  dispose(): void;
}
