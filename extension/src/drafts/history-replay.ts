/**
 * A document as it was after any of its updates: played again into a document that is thrown away. Now and then the whole
 * document is kept, so that going back does not begin at the beginning.
 */

import * as Y from 'yjs';
import { TextAuthors } from './text-authors';
import { SharedDocument, type IInitialValue } from './shared-document';

/** Updates between two kept documents at first, and how many are kept at most. */
const KEPT_STEP = 500;
const MAX_KEPT = 32;

/** A whole document as of an update. */
interface IKeptState {
  n: number;
  state: Uint8Array;
}

export class HistoryReplay {
  constructor(private _begun: IInitialValue) {
    this._document = new SharedDocument(_begun);
  }

  /** Of all updates, also of those that follow what is shown. */
  readonly authors = new TextAuthors();

  /** How many updates there are. */
  get length(): number {
    return this._updates.length;
  }

  /** More updates follow. */
  add(updates: readonly { data: Uint8Array; by: string }[]): void {
    const whole = this._at === this.length;
    updates.forEach(({ data, by }) => this.authors.add(data, by));
    this._updates.push(...updates.map(one => one.data));
    if (whole) {
      this.documentAt(this.length);
    }
  }

  /** The document after the first `n` updates; it is this until the next call. */
  documentAt(n: number): SharedDocument {
    if (n < this._at) {
      const kept = [...this._kept].reverse().find(one => one.n <= n) ?? { n: 0, state: null };
      this._document.dispose();
      this._document = new SharedDocument(this._begun);
      this._at = kept.n;
      if (kept.state) {
        Y.applyUpdate(this._document.doc, kept.state);
      }
    }
    while (this._at < n) {
      this._playTo(Math.min(n, this._at + this._step - (this._at % this._step)));
    }
    return this._document;
  }

  dispose(): void {
    this._document.dispose();
  }

  private _playTo(upto: number): void {
    const { doc } = this._document;
    // As one transaction, which is many times as fast.
    doc.transact(() => this._updates.slice(this._at, upto).forEach(one => Y.applyUpdate(doc, one)), this);
    this._at = upto;
    const last = this._kept[this._kept.length - 1] as IKeptState | undefined;
    if (upto % this._step === 0 && upto > (last?.n ?? 0)) {
      this._kept.push({ n: upto, state: Y.encodeStateAsUpdate(doc) });
      if (this._kept.length > MAX_KEPT) {
        this._step *= 2;
        this._kept = this._kept.filter(one => one.n % this._step === 0);
      }
    }
  }

  private _document: SharedDocument;
  private _at = 0;
  private _updates: Uint8Array[] = [];
  private _kept: IKeptState[] = [];
  private _step = KEPT_STEP;
}
