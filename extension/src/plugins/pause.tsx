/**
 * A paused cell's output: the cards of that pause, drawn from the server's record.
 *
 * The output names only agent, key and pause; the notebook's path says whose. So the card lives on after a kernel
 * restart, a reload or a server restart, and a hostile notebook cannot dress it up. Whatever goes wrong, the plain text is shown.
 */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';
import { ApiError } from '../api/errors';
import { Latest } from '../api/latest';
import type { IProposal, IRun } from '../api/types';
import { ProposalModel } from '../model/proposal';
import type { IReview } from '../tokens';
import { Card } from '../view/card';
import { Fallback } from '../view/fallback';
import { Room } from './room';

export const MIME = 'application/vnd.hitl-nb.proposal+json';

interface IPauseName {
  agent: string;
  pause: number;
  /** Of the run; outputs that name none mean the newest with this pause. */
  key?: string;
}

/** Where an output is. */
export interface IPlace {
  /** The notebook's contents path, as it is now. */
  path(): string;
  /** The store that the notebook's kernel uses; null if there is no kernel, or none that knows. */
  store(): Promise<string | null>;
}

export class PauseRenderer extends Widget implements IRenderMime.IRenderer {
  constructor(
    private _review: IReview,
    private _place: IPlace
  ) {
    super();
    this.layout = new PanelLayout();
    this.addClass('jp-hitl-pause');
    _review.feed.changed.connect(this._heard, this);
  }

  /** Never rejects: a renderer that does is drawn as an error by JupyterLab. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const plain = model.data['text/plain'];
    this._plain = Array.isArray(plain) ? plain.join('') : String(plain ?? '');
    this._name = named(model.data[MIME]);
    await this._drawing.run();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._review.feed.changed.disconnect(this._heard, this);
      this._clear();
      this._room.dispose();
      super.dispose();
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this._drawing.run();
  }

  /** Being made, put into the page and hearing of it all ask for the same: what is drawn already is not drawn again. */
  private async _draw(): Promise<void> {
    const name = this._name;
    if (this.isDisposed || (name !== null && this._drawn === name)) {
      return;
    }
    if (name === null) {
      this._say('');
      return;
    }
    const path = this._place.path();
    const { agent, pause, key } = name;
    if ((this.layout as PanelLayout).widgets.length === 0) {
      this._room.keep(`${path}:${agent}:${pause}`);
    }
    try {
      const { run, proposals } = await this._review.client.pause(path, agent, pause, key);
      if (!this.isDisposed) {
        this._drawn = name;
        this._show(run, proposals);
      }
    } catch (reason) {
      if (!this.isDisposed) {
        this._say(reason instanceof Error ? reason.message : String(reason));
        if (reason instanceof ApiError && reason.error === 'UnknownRun') {
          await this._sayWhoseStore();
        }
      }
    }
  }

  /** The server does not know this pause: perhaps the kernel wrote it elsewhere. */
  private async _sayWhoseStore(): Promise<void> {
    const { status, trans } = this._review;
    const store = await this._place.store();
    if (store !== null && status !== null && store !== status.store && !this.isDisposed) {
      this._say(
        trans.__(
          'This notebook’s kernel keeps its proposals in %1, and the Jupyter server looks into %2, so they cannot be decided here. Start both with the same HITL_NB_STORE, or use the command line: hitl-nb inbox --store %1',
          store,
          status.store
        )
      );
    }
  }

  private _show(run: IRun, proposals: IProposal[]): void {
    this._clear();
    this._models = proposals.map(p => new ProposalModel(this._review, p, run));
    const cards = ReactWidget.create(
      <>
        {this._models.map(model => (
          <Fallback key={model.proposal.id} instead={<Plain text={this._plain} problem="" />}>
            <Card model={model} host={this._review} />
          </Fallback>
        ))}
      </>
    );
    (this.layout as PanelLayout).addWidget(cards);
    this._room.taken(cards);
  }

  private _say(problem: string): void {
    this._clear();
    const text = ReactWidget.create(<Plain text={this._plain} problem={problem} />);
    (this.layout as PanelLayout).addWidget(text);
    this._room.taken(text);
  }

  private _clear(): void {
    for (const widget of [...(this.layout as PanelLayout).widgets]) {
      widget.dispose();
    }
    this._models.forEach(model => model.dispose());
    this._models = [];
  }

  /** Something happened: perhaps what this pause asked is there now. The cards hear for themselves. */
  private _heard(): void {
    if (this._name !== null && this.isAttached) {
      void this._drawing.run();
    }
  }

  private _drawing = new Latest(() => this._draw());
  private _drawn: IPauseName | null = null;
  private _room = new Room(this.node);
  private _plain = '';
  private _name: IPauseName | null = null;
  private _models: ProposalModel[] = [];
}

/** What the output says in words, and what is wrong. */
function Plain({ text, problem }: { text: string; problem: string }): JSX.Element {
  return (
    <div className="jp-hitl-plain">
      <pre>{text}</pre>
      {problem && <p role="status">{problem}</p>}
    </div>
  );
}

function named(data: unknown): IPauseName | null {
  const { agent, pause, key } = (data ?? {}) as { agent?: unknown; pause?: unknown; key?: unknown };
  if (typeof agent !== 'string' || typeof pause !== 'number') {
    return null;
  }
  return typeof key === 'string' ? { agent, pause, key } : { agent, pause };
}
