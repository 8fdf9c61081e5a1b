/**
 * What the view needs from where it is shown: JupyterLab and the page of its own each have one small file that gives it.
 */

import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { Extension } from '@codemirror/state';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import type { Client } from '../api/client';
import type { Feed } from '../api/feed';
import type { IProposal, IRun, IStatus } from '../api/types';
import type { IDraft } from '../drafts/draft';
import type { IDraftSource } from '../drafts/shared-draft';

/** What going on with a run needs now, in one sentence, and the button that does it, if there is one. */
export interface IResumeAction {
  text: string;
  /** Label of the button; none if there is nothing to do here. */
  label?: string;
  run?: () => Promise<void>;
  busy?: boolean;
}

export interface IHost {
  readonly client: Client;
  readonly feed: Feed;
  /** The shared drafts. */
  readonly drafts: { open(subject: IDraftSource): IDraft };
  readonly trans: TranslationBundle;
  /** The server's status, once known. */
  readonly status: IStatus | null;
  /** Whether the versions of page and server fit; if not, nothing can be decided here. */
  readonly readOnly: string | null;
  /** Make an editor in `node` over `model` (its MIME type picks the language). */
  newEditor(options: {
    host: HTMLElement;
    model: CodeEditor.IModel;
    lineNumbers?: boolean;
    readOnly?: boolean;
    extensions?: Extension[];
  }): CodeEditor.IEditor;
  /** Show the notebook of a proposal or a workspace at its cell; absent where there are no notebooks. */
  openNotebook?(of: Pick<IProposal, 'path' | 'agent'>): Promise<void>;
  /** Show a run's timeline. */
  openTimeline?(run: string): void;
  /** Emitted when the status or what is left to do for a run changed; absent where neither does. */
  readonly changed?: ISignal<IHost, void>;
  /** What is left to do for a run that is ready; null if unknown. */
  resumeAction?(run: IRun, proposal: IProposal): IResumeAction | null;
}
