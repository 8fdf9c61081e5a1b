/**
 * JupyterLab as the environment of the views: its server connection, its editors, its language.
 */

import type { CodeEditor, IEditorServices } from '@jupyterlab/codeeditor';
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { Client } from '../api/client';
import { Feed } from '../api/feed';
import type { IProposal, IRun, IStatus } from '../api/types';
import { leaveByTab } from '../codemirror/leave-by-tab';
import { SharedDraftRegistry } from '../drafts/shared-draft';
import type { IReview } from './tokens';
import type { IResumeAction, IHost, IRunActions } from '../components/host';
import { forbiddenMessage } from '../components/proposal-status';
import { KeyListener } from '../components/keys/key-listener';
import { CommandTargets } from '../components/review-commands';
import { ServerActions } from '../components/runs/server-actions';
import { showHiddenCharacters } from '../text/hidden-characters';

/** The API version that this extension uses. */
const API_VERSION = 1;

const API_PATH = 'hitl_nb/api';

/** The host of the views in JupyterLab. */
export class LabHost implements IReview {
  constructor(
    private _settings: ServerConnection.ISettings,
    private _editors: IEditorServices,
    readonly trans: TranslationBundle,
    private _version: string
  ) {
    this.client = new Client((path, init) =>
      ServerConnection.makeRequest(URLExt.join(_settings.baseUrl, API_PATH, path), init, _settings)
    );
    this.feed = new Feed(() => this._openSocket('feed'));
    this.drafts = new SharedDraftRegistry(path => this._openSocket(path));
    this.serverActions = new ServerActions(this, () => this.notify());
    this.runActions = run => this.serverActions.actionsOn(run);
    this.keyListener = new KeyListener(this.commandTargets, trans);
    this.commandTargets.letterKeysChanged.connect(this.notify, this);
    this.feed.connectedChanged.connect((_, connected) => {
      this._changed.emit();
      if (connected) {
        void this.refresh();
      }
    });
  }

  readonly client: Client;
  readonly feed: Feed;
  readonly drafts: SharedDraftRegistry;
  readonly commandTargets = new CommandTargets();
  /** The actions on runs that need no notebook. */
  readonly serverActions: ServerActions;
  /** The plugin of the notebooks adds its own actions. */
  runActions: (run: IRun) => IRunActions;
  readonly keyListener: KeyListener;
  openNotebook?: IHost['openNotebook'];
  openTimeline?: IHost['openTimeline'];
  printRun?: IHost['printRun'];
  openInInbox?: IHost['openInInbox'];
  /** Set by the plugin that resumes runs. */
  resumeAction?: (run: IRun, proposal: IProposal) => IResumeAction | null;

  get status(): IStatus | null {
    return this._status;
  }

  get readOnly(): string | null {
    if (this.feed.forbidden) {
      return forbiddenMessage(this.trans);
    }
    if (this._problem) {
      return this._problem;
    }
    if (this._status && this._status.api !== API_VERSION) {
      return this.versionProblem;
    }
    return this._status?.may.decide === false ? this._status.decide_refused : null;
  }

  get versionProblem(): string | null {
    const { _status: status, trans } = this;
    if (status === null || (status.api === API_VERSION && status.version === this._version)) {
      return null;
    }
    const said = trans.__(
      'This page is of hitl_nb %1 and the server of %2: reload the page, or restart the server.',
      this._version,
      showHiddenCharacters(status.version)
    );
    return status.api === API_VERSION
      ? said
      : `${said} ${trans.__('Until then nothing can be decided here.')}`;
  }

  get changed(): ISignal<IHost, void> {
    return this._changed;
  }

  pageUrl(proposal: string): string {
    return new URL(URLExt.join(this._settings.baseUrl, 'hitl_nb/review', proposal), location.href).href;
  }

  /** Tell the views that something in this host has changed. */
  notify(): void {
    this._changed.emit();
  }

  newEditor(options: Parameters<IHost['newEditor']>[0]): CodeEditor.IEditor {
    leaveByTab(options.host);
    return this._editors.factoryService.newInlineEditor({
      host: options.host,
      model: options.model,
      extensions: options.extensions,
      config: {
        lineNumbers: options.lineNumbers ?? false,
        readOnly: options.readOnly ?? false,
        lineWrap: true
      }
    });
  }

  /** Read the server's status. */
  async refresh(): Promise<void> {
    try {
      this._status = await this.client.getStatus();
      this._problem = '';
    } catch (reason) {
      this._problem = reason instanceof Error ? reason.message : String(reason);
    }
    this._changed.emit();
  }

  private _openSocket(path: string): WebSocket {
    const { wsUrl, token, appendToken, WebSocket: Socket } = this._settings;
    const url = URLExt.join(wsUrl, API_PATH, path);
    return new Socket(appendToken && token ? `${url}?token=${encodeURIComponent(token)}` : url);
  }

  private _status: IStatus | null = null;
  private _problem = '';
  private _changed = new Signal<IHost, void>(this);
}
