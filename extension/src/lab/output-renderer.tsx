/**
 * A cell's output that is drawn from the server's record.
 *
 * The output only names what it is of; the notebook's path says whose. So it lives on after a kernel restart, a reload or
 * a server restart, and a hostile notebook cannot dress it up. Whatever goes wrong, the plain text is shown.
 */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';
import { ApiError } from '../api/errors';
import { SingleFlight } from '../api/single-flight';
import type { IReview } from './tokens';
import type { CardCounts } from './card-counts';
import { ReservedHeight } from './reserved-height';

/** Where an output is. */
export interface IOutputContext {
  /** The notebook's contents path, as it is now. */
  path(): string;
  /** The store that the notebook's kernel uses; null if there is no kernel, or none that knows. */
  store(): Promise<string | null>;
  /** Keep the id of the notebook in its metadata, so that its runs follow when it is moved; saved with it. */
  carryId(id: string): void;
  /** Of all outputs of the notebook. */
  readonly cards: CardCounts;
}

/** What is drawn in an output, and how it is let go of. */
export interface IRenderedOutput {
  element: JSX.Element;
  dispose(): void;
}

/** The errors that say that this server does not know what an output names. */
const UNKNOWN_ERRORS = ['UnknownRun', 'UnknownWorkspace'];

/** Draws what outputs of one MIME type name; `N` is such a name. */
export abstract class OutputRenderer<N> extends Widget implements IRenderMime.IRenderer {
  constructor(
    protected review: IReview,
    protected place: IOutputContext,
    private _mime: string
  ) {
    super();
    this.layout = new PanelLayout();
    this.addClass('jp-hitl-pause');
    review.feed.changed.connect(this._onFeed, this);
  }

  /** Never rejects: a renderer that does is drawn as an error by JupyterLab. */
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
      this._reservedHeight.dispose();
      super.dispose();
    }
  }

  /** What the output names, or null if it names nothing. */
  protected abstract parseName(data: { [name: string]: unknown }): N | null;

  /** A text that is the same for the same name. */
  protected abstract formatName(name: N): string;

  /** Read what is named in the notebook at `path`; what is returned makes its drawing. */
  protected abstract load(path: string, name: N): Promise<() => IRenderedOutput>;

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this._drawing.run();
  }

  /** Being made, put into the page and hearing of it all ask for the same: what is drawn already is not drawn again. */
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
        this._showProblem(reason instanceof Error ? reason.message : String(reason));
        if (reason instanceof ApiError && UNKNOWN_ERRORS.includes(reason.error)) {
          await this._explainOtherStore();
        }
      }
    }
  }

  /** The server does not know what is named: perhaps the kernel wrote it elsewhere. */
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

  /** Something happened: perhaps what is named is there now. What is drawn hears for itself. */
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
}

/** What the output says in words, and what is wrong. */
export function PlainOutput({ text, problem }: { text: string; problem: string }): JSX.Element {
  return (
    <div className="jp-hitl-plain">
      <pre>{text}</pre>
      {problem && <p role="status">{problem}</p>}
    </div>
  );
}
