/**
 * A draft as the views see it: one document that everybody who has it open writes at the same time.
 */

import type { YFile } from '@jupyter/ydoc';
import type { ISignal } from '@lumino/signaling';
import type { Awareness } from 'y-protocols/awareness';
import type { Json } from '../api/types';

/** Somebody who has the draft open, this person too. */
export interface IPerson {
  /** Of their browser window, in this document. */
  client: number;
  username: string;
  name: string;
  initials: string;
  color: string;
  /** This very window. */
  me: boolean;
  /** Typed within the last seconds. */
  typing: boolean;
  /** The field they are in, for values that are not text. */
  focus: string | null;
}

/** Somebody who has had the draft before their eyes, and when last. */
export interface IDraftReader {
  username: string;
  name: string;
  at: string;
}

/** What a change of a draft was about. */
export interface IDraftChange {
  /** The document says something else, or the same in other words. */
  value: boolean;
  /** Somebody else's keystroke is in it. */
  remote: boolean;
  /** As which peers of the document those wrote who wrote it. */
  peers: readonly number[];
}

export interface IDraft {
  /** The document's id: the proposal's, or the workspace's. */
  readonly document: string;
  /** What the document says, as JSON; the same object until that changes. */
  readonly value: Json;
  /** Of a table or a list: names of its rows or steps, which they keep while others come and go. */
  readonly keys: readonly string[] | null;
  /** What is typed and is no value yet, or null. */
  readonly unfinished: string | null;
  /** Whether the document came from the server once: before, nothing can be typed. */
  readonly loaded: boolean;
  /** Whether the room is connected and in step now. */
  readonly synced: boolean;
  /** Whether all that was typed here is safe on the server. */
  readonly saved: boolean;
  /** Why the room is closed for good, in a sentence, or "". */
  readonly closed: string;
  /** For text, markdown and code: what editors are bound to. Null for other kinds. */
  readonly file: YFile | null;
  readonly awareness: Awareness;
  readonly people: readonly IPerson[];
  readonly readers: readonly IDraftReader[];
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Emitted after any change of the above; a moment later if somebody else wrote in a text. */
  readonly changed: ISignal<IDraft, IDraftChange>;

  /** Write another value into the document, as the smallest change. */
  edit(value: Json): void;
  /** What is typed is no value: kept until the next `edit`. */
  editUnfinished(text: string): void;
  /** Undo, redo what was typed here, never what others typed. */
  undo(): void;
  redo(): void;
  /** Where this person is: a field, or out of all (null). */
  focus(path: string | null): void;
  /** Whether the draft is before this person's eyes, in one of the places (`view`) of this window that show it. */
  show(view: object, visible: boolean): void;
  dispose(): void;
}
