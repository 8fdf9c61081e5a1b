/**
 * Shared drafts without a server: rooms with a fake connection, and two windows that exchange updates.
 */

import { Signal } from '@lumino/signaling';
import * as Y from 'yjs';
import type { Json } from '../src/api/types';
import type { IDraftConnection } from '../src/drafts/room-connection';
import { SharedDocument } from '../src/drafts/shared-document';
import type { IDraftReader } from '../src/drafts/draft';
import { SharedDraft, type IDraftSource } from '../src/drafts/shared-draft';

/** A connection whose state is set by the test. */
export class Line implements IDraftConnection {
  isSynced = true;
  isSaved = true;
  closeReason = '';
  readers: IDraftReader[] = [];
  me: { [name: string]: unknown } | null = {
    username: 'ann',
    name: 'Ann Lee',
    initials: 'AL',
    color: '#00796b'
  };
  disposed = false;
  changed = new Signal<IDraftConnection, void>(this);

  setState(state: Partial<Line>): void {
    Object.assign(this, state);
    this.changed.emit();
  }

  reconnect(): void {
    this.setState({ isSynced: true });
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** Write the server's initial content into a document that nobody has opened yet. */
export function begin(doc: Y.Doc, { kind, value }: IDraftSource): void {
  const first = new Y.Doc();
  if (['text', 'markdown', 'code'].includes(kind)) {
    first.getText('source').insert(0, String(value));
  } else if (kind !== 'table' && kind !== 'choice') {
    first.getMap('value').set('v', toShared(value));
  }
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(first), 'server');
}

/** Return a value as the server stores it (`hitl_nb/drafts/document.py`). */
function toShared(value: Json): unknown {
  if (Array.isArray(value)) {
    return Y.Array.from(value.map(item => new Y.Map([['v', toShared(item)]])));
  }
  return typeof value === 'object' && value !== null
    ? new Y.Map(Object.entries(value).map(([name, item]) => [name, toShared(item)] as [string, unknown]))
    : JSON.stringify(value);
}

/** The drafts of one window; `lines` and `docs` are by the document's id. */
export class Drafts {
  lines = new Map<string, Line>();
  docs = new Map<string, Y.Doc>();

  /** @param _line - initial state of a connection; one that is not in step has no document yet. */
  constructor(private _line: Partial<Line> = {}) {}

  open(subject: IDraftSource): SharedDraft {
    return new SharedDraft(subject, doc => {
      const line = Object.assign(new Line(), this._line);
      this.lines.set(subject.document, line);
      this.docs.set(subject.document, doc);
      if (line.isSynced) {
        begin(doc, subject);
      }
      return line;
    });
  }
}

/** Make two documents of one draft, which exchange their updates when `meet` is called. */
export function pair(subject: IDraftSource): {
  one: SharedDocument;
  other: SharedDocument;
  meet: () => void;
} {
  const one = new SharedDocument(subject);
  const other = new SharedDocument(subject);
  begin(one.doc, subject);
  const meet = (): void => {
    Y.applyUpdate(other.doc, Y.encodeStateAsUpdate(one.doc), 'server');
    Y.applyUpdate(one.doc, Y.encodeStateAsUpdate(other.doc), 'server');
  };
  meet();
  return { one, other, meet };
}
