/**
 * A document as it was after any of its updates. The updates are applied again to a temporary document. A copy of the
 * whole document is kept at intervals, so that going back does not start from the first update.
 */

import * as Y from 'yjs';
import { TextAuthors } from './text-authors';
import { SharedDocument, type IInitialValue } from './shared-document';

/**
 * Updates between two kept copies at first, and how many copies are kept at most. Beyond that the interval is
 * doubled.
 */
const KEPT_STEP = 500;
const MAX_KEPT = 32;

/** A copy of the whole document after `n` updates. */
interface IKeptState {
  n: number;
  state: Uint8Array;
}

/** All updates of one document, which can be replayed up to any of them. */
export class HistoryReplay {
  /** @param _begun - kind and proposed value of the document. */
  constructor(private _begun: IInitialValue) {
    this._document = new SharedDocument(_begun);
  }

  /** The authors of the text, from all updates: also from those after the version that is shown. */
  readonly authors = new TextAuthors();

  /** How many updates there are. */
  get length(): number {
    return this._updates.length;
  }

  /** Append updates. If the document showed the newest version, it shows the new newest version after that. */
  add(updates: readonly { data: Uint8Array; by: string }[]): void {
    const whole = this._at === this.length;
    updates.forEach(({ data, by }) => this.authors.add(data, by));
    this._updates.push(...updates.map(one => one.data));
    if (whole) {
      this.documentAt(this.length);
    }
  }

  /** Return the document after the first `n` updates. It is valid until the next call. */
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
    // One transaction for all updates, which is many times faster.
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
