/**
 * A shared draft: its document, the connection to its room on the server, and the presence of others. It stays alive,
 * and continues to connect, while a view has it open or typed text is not saved on the server.
 */

import type { YFile } from '@jupyter/ydoc';
import { ISignal, Signal } from '@lumino/signaling';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { DraftChannels } from '../api/draft-channels';
import type { Json } from '../api/types';
import { DraftConnection, type IDraftConnection } from './room-connection';
import { SharedDocument, type IInitialValue } from './shared-document';
import type { IDraft, IDraftChange, IPerson, IDraftReader, IRemovedRow } from './draft';
import { DraftPresence } from './draft-presence';

/**
 * Milliseconds for which changes of a text by others are collected before they are reported. Editors show them at
 * once.
 */
const DELAY_MS = 100;

/** The document that a room is for. */
export interface IDraftSource extends IInitialValue {
  /** Id of the document. */
  document: string;
}

/** Connects a document with its room. */
export type Connect = (doc: Y.Doc, awareness: Awareness) => IDraftConnection;

/** A draft that everybody who opens it edits through one room. */
export class SharedDraft implements IDraft {
  /**
   * @param connect - connects the document with its room.
   * @param _onEnd - called when the draft is disposed for good.
   */
  constructor(
    subject: IDraftSource,
    connect: Connect,
    private _onEnd: () => void = () => undefined
  ) {
    this.document = subject.document;
    this._document = new SharedDocument(subject);
    this._presence = new DraftPresence(this._document.doc, () => this._connection?.me ?? null);
    this._document.doc.on('update', this._onUpdate);
    this._document.undoManager.on('stack-item-added', this._onUndoable);
    this._document.undoManager.on('stack-item-popped', this._onUndoable);
    this._presence.changed.connect(this._notify, this);
    this._connection = connect(this._document.doc, this._presence.awareness);
    this._connection.changed.connect(this._onConnection, this);
    this._loaded = this._connection.isSynced;
  }

  readonly document: string;

  get value(): Json {
    return this._document.value;
  }

  get keys(): readonly string[] | null {
    return this._document.keys;
  }

  get removedRows(): readonly IRemovedRow[] {
    return this._document.removedRows;
  }

  get unfinishedText(): string | null {
    return this._document.unfinishedText;
  }

  get isLoaded(): boolean {
    return this._loaded;
  }

  get isSynced(): boolean {
    return this._connection.isSynced;
  }

  get isSaved(): boolean {
    return this._connection.isSaved;
  }

  get closeReason(): string {
    return this._connection.closeReason;
  }

  get file(): YFile | null {
    return this._document.file;
  }

  get awareness(): Awareness {
    return this._presence.awareness;
  }

  get people(): readonly IPerson[] {
    return this._presence.people;
  }

  get readers(): readonly IDraftReader[] {
    return this._connection.readers;
  }

  get canUndo(): boolean {
    return this._document.undoManager.canUndo();
  }

  get canRedo(): boolean {
    return this._document.undoManager.canRedo();
  }

  get changed(): ISignal<IDraft, IDraftChange> {
    return this._changed;
  }

  edit(value: Json): void {
    if (this._loaded) {
      this._document.write(value);
    }
  }

  editUnfinished(text: string): void {
    if (this._loaded) {
      this._document.writeUnfinished(text);
    }
  }

  removeRow(name: string): void {
    if (this._loaded) {
      this._document.removeRow(name);
    }
  }

  restoreRow(name: string): void {
    if (this._loaded) {
      this._document.restoreRow(name);
    }
  }

  closeUndoStep(): void {
    this._document.undoManager.stopCapturing();
  }

  findPerson(client: number): IPerson | null {
    return this._presence.findPerson(client);
  }

  undo(): void {
    this._document.undoManager.undo();
  }

  redo(): void {
    this._document.undoManager.redo();
  }

  focus(path: string | null): void {
    this._presence.focus(path);
  }

  show(view: object, visible: boolean): void {
    this._presence.show(view, visible);
  }

  /** Count one more view that has the draft open. */
  open(): this {
    this._open++;
    return this;
  }

  reconnect(): void {
    this._connection.reconnect();
  }

  /** Count one view fewer; the last one ends the draft, unless text is still to be saved. */
  dispose(): void {
    this._open--;
    this._onLastClosed();
  }

  /** End the draft if no view needs it and nothing is left to save. */
  private _onLastClosed(): void {
    if (this._open > 0 || this._left || !(this.isSaved || this.closeReason)) {
      return;
    }
    this._left = true;
    clearTimeout(this._timer);
    this._onEnd();
    this._connection.dispose();
    this._presence.dispose();
    this._document.dispose();
    Signal.clearData(this);
  }

  private _onUpdate = (_: Uint8Array, __: unknown, ___: Y.Doc, transaction: Y.Transaction): void => {
    const { local, beforeState, afterState } = transaction;
    if (local) {
      this._presence.markTyping();
    }
    const peers = [...afterState.keys()].filter(peer => afterState.get(peer) !== beforeState.get(peer));
    if (local || !this._connection?.isSynced || this.file === null) {
      this._changed.emit({ value: true, remote: !local, peers });
      return;
    }
    peers.forEach(peer => this._writers.add(peer));
    this._timer ??= setTimeout(() => {
      const others = [...this._writers];
      this._timer = undefined;
      this._writers.clear();
      this._changed.emit({ value: true, remote: true, peers: others });
    }, DELAY_MS);
  };

  private _onUndoable = (): void => this._notify();

  private _onConnection(): void {
    this._loaded ||= this._connection.isSynced;
    this._presence.update();
    this._notify();
    this._onLastClosed();
  }

  private _notify(): void {
    this._changed.emit({ value: false, remote: false, peers: [] });
  }

  private _document: SharedDocument;
  private _presence: DraftPresence;
  private _connection: IDraftConnection;
  private _loaded = false;
  private _open = 1;
  /** Peers whose edits were not reported yet. */
  private _writers = new Set<number>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _left = false;
  private _changed = new Signal<IDraft, IDraftChange>(this);
}

/** The open drafts of this window. All views of a draft share one room, and all drafts share one WebSocket. */
export class SharedDraftRegistry {
  /** @param socket - opens a WebSocket to a path below `hitl_nb/api/`. */
  constructor(socket: (path: string) => WebSocket) {
    this._channels = new DraftChannels(() => socket('drafts/rooms'));
    window.addEventListener('beforeunload', event => {
      // Text that only this window has would be lost, so the browser asks the person first.
      if ([...this._rooms.values()].some(room => !room.isSaved && !room.closeReason)) {
        event.preventDefault();
      }
    });
  }

  /** Open the draft of a document. The caller disposes it. */
  open(subject: IDraftSource): IDraft {
    const { document } = subject;
    const found = this._rooms.get(document);
    if (found && !found.closeReason) {
      return found.open();
    }
    const made: SharedDraft = new SharedDraft(
      subject,
      (doc, awareness) => new DraftConnection(doc, awareness, this._channels, document),
      () => {
        if (this._rooms.get(document) === made) {
          this._rooms.delete(document);
        }
      }
    );
    this._rooms.set(document, made);
    return made;
  }

  private _channels: DraftChannels;
  private _rooms = new Map<string, SharedDraft>();
}
