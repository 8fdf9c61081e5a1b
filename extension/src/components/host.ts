/**
 * The interface between the views and their environment. JupyterLab and the review page each implement it.
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
import type { CommandTargets } from './review-commands';

/** The next action to resume a run: one sentence, and a button if there is one. */
export interface IResumeAction {
  text: string;
  /** Label of the button; absent if there is nothing to do here. */
  label?: string;
  /** Does the action. */
  run?: () => Promise<void>;
  /** Whether the action is in progress. */
  busy?: boolean;
}

/**
 * The reason why a run does not continue: its process, its cell or its notebook is gone. "in-doubt": the process ended
 * in a call, and nobody knows whether that call took effect.
 */
export type RunTrouble = 'interrupted' | 'in-doubt' | 'cell-gone' | 'notebook-gone';

/**
 * A run as this environment sees it, and what can be done about it here. An action that is absent is not possible
 * here. Each action that changes a run for good asks first, and resolves when it is done or was not confirmed.
 */
export interface IRunActions {
  /** The reason why the run does not continue; null if there is none, or if it is not known yet. */
  readonly trouble: RunTrouble | null;
  /** The call or the line at which it is, or continues; "" if unknown. */
  readonly where: string;
  /** The last time when the process of an interrupted run was known to be alive; null if unknown. */
  readonly interruptedAt?: string | null;
  /** Whether an action is in progress. */
  readonly busy: boolean;
  /** Why the last action failed, or "". */
  readonly problem: string;
  /** Whether the notebook's kernel is alive here; then an interrupted run needs no new one. */
  readonly kernelAlive: boolean;
  /** Continue an interrupted run, in a new kernel if the old one is gone. */
  startKernel?(): Promise<void>;
  /** Insert the recorded source as a cell. It is not executed by that. */
  restoreCell?(): Promise<void>;
  /** Let the server execute the notebook. */
  runOnServer?(): Promise<void>;
  /** Cancel the run for good. */
  cancelRun?(): Promise<void>;
  /** Start the agent over from its first statement. */
  restartRun?(): Promise<void>;
  /** Interrupt the kernel that executes the run. */
  stopRun?(): Promise<void>;
}

/** The environment of the views. */
export interface IHost {
  readonly client: Client;
  readonly feed: Feed;
  /** The shared drafts. */
  readonly drafts: { open(subject: IDraftSource): IDraft };
  readonly trans: TranslationBundle;
  /** The server's status, once known. */
  readonly status: IStatus | null;
  /** Why nothing can be decided here (for example, page and server have different versions); null if it can. */
  readonly readOnly: string | null;
  /** Whether this page is alone in its window, without notebooks whose HTML could act in a person's name. */
  readonly isOwnWindow?: boolean;
  /** Make an editor in the element `host` for `model`, whose MIME type chooses the language. */
  newEditor(options: {
    host: HTMLElement;
    model: CodeEditor.IModel;
    lineNumbers?: boolean;
    readOnly?: boolean;
    extensions?: Extension[];
  }): CodeEditor.IEditor;
  /** Open the notebook of a proposal or workspace at its cell; absent where there are no notebooks. */
  openNotebook?(of: Pick<IProposal, 'path' | 'agent'>): Promise<void>;
  /** Return the address of a proposal's review page; absent where it is unknown. */
  pageUrl?(proposal: string): string;
  /** Show the card of another proposal in place of this one; absent where that is not possible. */
  openProposal?(id: string): void;
  /** Show the timeline of a run. */
  openTimeline?(run: string): void;
  /** Let the browser print the record of a run; absent where it cannot. */
  printRun?(run: string): Promise<void>;
  /** Show a waiting proposal in the inbox; absent where there is no inbox. */
  openInInbox?(proposal: string): void;
  /** Emitted when the status or the next action of a run changed; absent where neither changes. */
  readonly changed?: ISignal<IHost, void>;
  /** The views that commands act on; absent where there are no commands. */
  readonly commandTargets?: CommandTargets;
  /** The next action to resume a run that is ready; null if unknown. */
  resumeAction?(run: IRun, proposal: IProposal): IResumeAction | null;
  /** The actions on a run; null if none is known. `changed` is emitted when more is known. */
  runActions?(run: IRun): IRunActions | null;
}
