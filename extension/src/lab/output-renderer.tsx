/**
 * An output of a cell that is drawn from the server's record.
 *
 * The output only has names; the record is found by these names and the notebook's path. So it survives a restart of
 * the kernel or the server and a reload, and a hostile notebook cannot change what it shows. If anything fails, the
 * plain text is shown.
 */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';
import { ApiError, MISSING_SERVER } from '../api/errors';
import { SingleFlight } from '../api/single-flight';
import type { IReview } from './tokens';
import { MissingServerNotice } from '../components/notices/missing-server';
import type { CardCounts } from './notebook/card-counts';
import type { NotebookCards } from './notebook/notebook-cards';
import { showHiddenCharacters } from '../text/hidden-characters';
import { ReservedHeight } from './reserved-height';

/** The notebook that an output is in. */
export interface IOutputContext {
  /** Current path of the notebook for the contents API. */
  path(): string;
  /** URL of the store that the notebook's kernel uses; null if there is no kernel, or if it is unknown. */
  store(): Promise<string | null>;
  /**
   * Keep the notebook's id in its metadata, so that its runs follow when it is moved. It is saved with the notebook.
   */
  carryId(id: string): void;
  /** The cards in all outputs of the notebook. */
  readonly cards: CardCounts;
  /** Moves between the cards of the notebook. */
  readonly around?: NotebookCards;
}

/** A drawn output, and how it is removed. */
export interface IRenderedOutput {
  element: JSX.Element;
  dispose(): void;
}

/** Errors which mean that this server does not know the record. */
const UNKNOWN_ERRORS = ['UnknownRun', 'UnknownWorkspace'];

/** Draws the outputs of one MIME type; `N` is the name of a record. */
export abstract class OutputRenderer<N extends { agent: string }>
  extends Widget
  implements IRenderMime.IRenderer
{
  constructor(
    protected review: IReview,
    protected place: IOutputContext,
    private _mime: string
  ) {
    super();
    this.layout = new PanelLayout();
    this.addClass('jp-hitl-pause');
    review.feed.changed.connect(this._onFeed, this);
    this._endKeys = review.keyListener.watch(this.node, place.around);
  }

  /** Draw the output. Never rejects: JupyterLab would show a rejection as an error. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const plain = model.data['text/plain'];
    this.plain = Array.isArray(plain) ? plain.join('') : String(plain ?? '');
    this._name = this.parseName((model.data[this._mime] ?? {}) as { [name: string]: unknown });
    await this._drawing.run();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.review.feed.changed.disconnect(this._onFeed, this);
      this._clear();
      this._endKeys();
      this._reservedHeight.dispose();
      super.dispose();
    }
  }

  /** Parse the name in the output's data; null if there is none. */
  protected abstract parseName(data: { [name: string]: unknown }): N | null;

  /** Format a name as a text, which is equal for equal names. */
  protected abstract formatName(name: N): string;

  /** Load the record with this name in the notebook at `path`. The returned function draws it. */
  protected abstract load(path: string, name: N): Promise<() => IRenderedOutput>;

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this._drawing.run();
  }

  /** Draw the record, unless it is drawn already. Creation, attachment and the feed all call this. */
  private async _draw(): Promise<void> {
    const name = this._name;
    if (this.isDisposed || (name !== null && this._shown === name)) {
      return;
    }
    if (name === null) {
      this._showProblem('');
      return;
    }
    const path = this.place.path();
    if ((this.layout as PanelLayout).widgets.length === 0) {
      this._reservedHeight.keep(`${path}:${this.formatName(name)}`);
    }
    try {
      const make = await this.load(path, name);
      if (!this.isDisposed) {
        this._shown = name;
        this._clear();
        this._drawn = make();
        this._add(this._drawn.element);
      }
    } catch (reason) {
      if (!this.isDisposed) {
        if (reason instanceof ApiError && reason.error === MISSING_SERVER) {
          this._showMissingServer(name);
          return;
        }
        this._showProblem(reason instanceof Error ? reason.message : String(reason));
        if (reason instanceof ApiError && UNKNOWN_ERRORS.includes(reason.error)) {
          await this._explainOtherStore();
        }
      }
    }
  }

  /** Explain that the kernel may use another store, if the server does not know the record. */
  private async _explainOtherStore(): Promise<void> {
    const { status, trans } = this.review;
    const store = await this.place.store();
    if (store !== null && status !== null && store !== status.store && !this.isDisposed) {
      this._showProblem(
        trans.__(
          'This notebook’s kernel keeps its proposals in %1, and the Jupyter server looks into %2, so they cannot be decided here. Start both with the same HITL_NB_STORE, or use the command line: hitl-nb inbox --store %1',
          store,
          status.store
        )
      );
    }
  }

  private _showMissingServer({ agent }: N): void {
    this._clear();
    const onTryAgain = (): void => void this._drawing.run();
    const { trans } = this.review;
    this._add(<MissingServerNotice text={this.plain} agent={agent} trans={trans} onTryAgain={onTryAgain} />);
  }

  private _showProblem(problem: string): void {
    this._clear();
    this._add(<PlainOutput text={this.plain} problem={problem} />);
  }

  private _add(element: JSX.Element): void {
    const widget = ReactWidget.create(element);
    (this.layout as PanelLayout).addWidget(widget);
    this._reservedHeight.release(widget);
  }

  private _clear(): void {
    for (const widget of [...(this.layout as PanelLayout).widgets]) {
      widget.dispose();
    }
    this._drawn?.dispose();
    this._drawn = null;
  }

  /** Try again after a message of the feed, since the record may exist now. A drawn record updates itself. */
  private _onFeed(): void {
    if (this._name !== null && this.isAttached) {
      void this._drawing.run();
    }
  }

  protected plain = '';
  private _drawing = new SingleFlight(() => this._draw());
  private _name: N | null = null;
  private _shown: N | null = null;
  private _drawn: IRenderedOutput | null = null;
  private _reservedHeight = new ReservedHeight(this.node);
  private _endKeys: () => void;
}

/** The output's plain text, and the error. */
export function PlainOutput({ text, problem }: { text: string; problem: string }): JSX.Element {
  return (
    <div className="jp-hitl-plain">
      <pre>{showHiddenCharacters(text)}</pre>
      {problem && <p role="status">{showHiddenCharacters(problem)}</p>}
    </div>
  );
}
