/**
 * The layout of a draft as a shared document. It is the same in browsers (Yjs) and in Python (pycrdt,
 * `hitl_nb/drafts/document.py`).
 *
 * - text, markdown, code: a shared text, "source", which JupyterLab's editors are bound to
 * - table: shared maps with the changes to the proposed table (`shared-table.ts`)
 * - all others: a shared map, "value", whose entry "v" is the value in parts (`json-parts.ts`). A choice, or a value
 *   that is too long for that, is one JSON text at "w".
 *
 * Typed text that is not yet a valid value is in the map "typed" at "unfinished".
 */

import { YFile } from '@jupyter/ydoc';
import * as Y from 'yjs';
import type { ITable, Json, Kind } from '../api/types';
import { listBoxes, parseLeaf, type SharedPart, toJson, putEntry, isSame } from './json-parts';
import { SharedTable } from './shared-table';
import type { IRemovedRow } from './draft';
import { isText, sharingForm } from './sharing-forms';

/** The initial content of a draft's document. */
export interface IInitialValue {
  kind: Kind;
  /** The value as the agent proposed it. */
  value: Json;
}

/** The first and the second unit of a surrogate pair. */
const HIGH = /[\ud800-\udbff]/;
const LOW = /[\udc00-\udfff]/;

/** Whether any text is a valid value here. If not, typed text may be unfinished. */
export function mayBeText({ kind, value }: IInitialValue): boolean {
  return ['text', 'whole'].includes(sharingForm(kind)) || typeof value === 'string';
}

/** One draft's document: its value as JSON, and the shared types behind it. */
export class SharedDocument {
  constructor(private _begun: IInitialValue) {
    this.file = isText(_begun.kind) ? new YFile() : null;
    this.doc = this.file?.ydoc ?? new Y.Doc();
    this._value = this.doc.getMap('value');
    this._typed = this.doc.getMap('typed');
    this.doc.on('update', () => {
      this._read = null;
    });
    this._table =
      sharingForm(_begun.kind) === 'table'
        ? new SharedTable(this.doc, _begun.value as unknown as ITable)
        : null;
    const scope = this._table?.scope ?? [this._value];
    // A text file has an undo manager for its editors. Unfinished text is not in the scope: it is undone with its own
    // text.
    this.undoManager =
      this.file?.undoManager ??
      new Y.UndoManager(scope as Y.Map<unknown>[], { trackedOrigins: new Set([this]) });
  }

  /** The Yjs document. */
  readonly doc: Y.Doc;
  /** For text kinds: the file that editors bind to. Null for other kinds. */
  readonly file: YFile | null;
  /** Undoes edits that were made in this window, and no others. */
  readonly undoManager: Y.UndoManager;

  /** The value in the document. It is the same object until something changes. */
  get value(): Json {
    return this._reading.value;
  }

  /**
   * For tables and lists: stable names of the rows or items, which stay the same while others are added or removed.
   */
  get keys(): readonly string[] | null {
    return this._reading.keys;
  }

  /** For tables: the rows that people removed, in their order. */
  get removedRows(): readonly IRemovedRow[] {
    return this._table?.listRemoved() ?? [];
  }

  /** Typed text that is not yet a valid value, or null. */
  get unfinishedText(): string | null {
    const text = this._typed.get('unfinished') as unknown;
    return typeof text === 'string' ? text : null;
  }

  /** Write `value` into the document, changing only the parts that differ. */
  write(value: Json): void {
    const { file } = this;
    if (file) {
      file.transact(() => writeText(file, String(value)));
      return;
    }
    this.doc.transact(() => {
      this._typed.delete('unfinished');
      if (this._table) {
        this._table.write((value as unknown as ITable).rows);
      } else if (sharingForm(this._begun.kind) === 'whole' || !this._value.has('v')) {
        this._value.set('w', JSON.stringify(value));
      } else {
        putEntry(this._value, 'v', value);
      }
    }, this);
    if (isSame(this.value, value)) {
      this._read = { value, keys: this._reading.keys }; // the caller compares by identity
    }
  }

  /** Remove a row of a table by its name. */
  removeRow(name: string): void {
    this.doc.transact(() => this._table?.remove(name), this);
  }

  /** Put a removed row of a table back. */
  restoreRow(name: string): void {
    this.doc.transact(() => this._table?.restore(name), this);
  }

  /** Keep a typed text that is not a valid value yet. */
  writeUnfinished(text: string): void {
    if (text !== this.unfinishedText) {
      this.doc.transact(() => this._typed.set('unfinished', text), this);
    }
  }

  dispose(): void {
    if (this.file) {
      this.file.dispose();
    } else {
      this.undoManager.destroy();
      this.doc.destroy();
    }
  }

  private get _reading(): { value: Json; keys: readonly string[] | null } {
    this._read ??= this._readNow();
    return this._read;
  }

  private _readNow(): { value: Json; keys: readonly string[] | null } {
    if (this.file) {
      return { value: this.file.getSource(), keys: null };
    }
    if (this._table) {
      const { columns } = this._begun.value as unknown as ITable;
      const standing = this._table.listRows();
      const value = { columns, rows: standing.map(one => one.row) } as unknown as Json;
      return { value, keys: standing.map(one => one.id) };
    }
    const whole = this._value.get('w');
    const part = this._value.get('v');
    if (typeof whole === 'string') {
      return { value: parseLeaf(whole), keys: null };
    }
    if (part === undefined) {
      return { value: this._begun.value, keys: null };
    }
    const keys = part instanceof Y.Array ? listBoxes(part).map(sharedName) : null;
    return { value: toJson(part, this._begun.value), keys };
  }

  private _value: Y.Map<SharedPart>;
  private _typed: Y.Map<string>;
  private _table: SharedTable | null;
  private _read: { value: Json; keys: readonly string[] | null } | null = null;
}

/** Return a stable name of a shared object, which is the same in every window. */
function sharedName(part: Y.Map<SharedPart>): string {
  const id = part._item!.id;
  return `${id.client}:${id.clock}`;
}

function writeText(file: YFile, text: string): void {
  const old = file.getSource();
  if (old !== text) {
    const { start, end, insert } = findDifference(old, text);
    file.updateSource(start, end, insert);
  }
}

/** Find the one replacement that turns `old` into `text`. The common start and end are left out. */
export function findDifference(old: string, text: string): { start: number; end: number; insert: string } {
  const most = Math.min(old.length, text.length);
  let start = 0;
  while (start < most && old[start] === text[start]) {
    start++;
  }
  let end = 0;
  while (end < most - start && old[old.length - 1 - end] === text[text.length - 1 - end]) {
    end++;
  }
  // A surrogate pair is not cut in half.
  start -= Number(start > 0 && HIGH.test(old[start - 1]));
  end -= Number(end > 0 && LOW.test(old[old.length - end]));
  return { start, end: old.length - end, insert: text.slice(start, text.length - end) };
}
