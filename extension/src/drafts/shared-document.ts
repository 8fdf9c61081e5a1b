/**
 * What a draft looks like as a shared document: the same layout in browsers (Yjs) and in Python (pycrdt,
 * `hitl_nb/review/document.py`).
 *
 * text, markdown, code    a shared text, "source": what JupyterLab's editors are bound to
 * table                   shared maps of what differs from the proposed table (`table.ts`)
 * any other               a shared map, "value", whose entry "v" is the value in parts (`parts.ts`);
 *                         a choice, and what is too long for that, is one JSON text at "w"
 *
 * What is typed and is no value yet stands in the map "typed" at "unfinished".
 */

import { YFile } from '@jupyter/ydoc';
import * as Y from 'yjs';
import type { ITable, Json, Kind } from '../api/types';
import { listBoxes, parseLeaf, type SharedPart, toJson, putEntry, isSame } from './json-parts';
import { SharedTable } from './shared-table';

/** What the document of a draft is begun with. */
export interface IInitialValue {
  kind: Kind;
  /** The value as it was proposed. */
  value: Json;
}

/** The first and the second unit of a character that has two. */
const HIGH = /[\ud800-\udbff]/;
const LOW = /[\udc00-\udfff]/;

const TEXT_KINDS: readonly Kind[] = ['text', 'markdown', 'code'];

/** Whether a value of this kind is written as text and nothing else. */
export function isText(kind: Kind): boolean {
  return TEXT_KINDS.includes(kind);
}

/** Whether a text can be a value like this one: if not, it is typed and no value yet. */
export function mayBeText({ kind, value }: IInitialValue): boolean {
  return isText(kind) || kind === 'choice' || typeof value === 'string';
}

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
      _begun.kind === 'table' ? new SharedTable(this.doc, _begun.value as unknown as ITable) : null;
    const scope = this._table?.scope ?? [this._value];
    // The file has one for its editors. What is no value yet is not part of it: that goes with its text.
    this.undoManager =
      this.file?.undoManager ??
      new Y.UndoManager(scope as Y.Map<unknown>[], { trackedOrigins: new Set([this]) });
  }

  readonly doc: Y.Doc;
  /** Of a text: what editors are bound to. */
  readonly file: YFile | null;
  /** Undoes what was written here, and nothing that came from elsewhere. */
  readonly undoManager: Y.UndoManager;

  /** What the document says. It is the same object until something changes. */
  get value(): Json {
    return this._reading.value;
  }

  /** Of a table or a list: names of its rows or steps, which they keep while others come and go. */
  get keys(): readonly string[] | null {
    return this._reading.keys;
  }

  get unfinished(): string | null {
    const text = this._typed.get('unfinished') as unknown;
    return typeof text === 'string' ? text : null;
  }

  /** Let the document say `value`, changing only what differs. */
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
      } else if (this._begun.kind === 'choice' || !this._value.has('v')) {
        this._value.set('w', JSON.stringify(value));
      } else {
        putEntry(this._value, 'v', value);
      }
    }, this);
    if (isSame(this.value, value)) {
      this._read = { value, keys: this._reading.keys }; // whoever wrote it knows it again
    }
  }

  /** Keep a text that is no value yet. */
  writeUnfinished(text: string): void {
    if (text !== this.unfinished) {
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

/** A name of a shared object for as long as it lives, the same everywhere. */
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

/** What to put in place of a piece of `old` so that it is `text`: what both begin and end with stays. */
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
  // A character of two units is not cut in half.
  start -= Number(start > 0 && HIGH.test(old[start - 1]));
  end -= Number(end > 0 && LOW.test(old[old.length - end]));
  return { start, end: old.length - end, insert: text.slice(start, text.length - end) };
}
