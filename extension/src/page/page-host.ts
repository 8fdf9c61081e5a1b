/**
 * The review page as the environment of the views, without JupyterLab. The page itself contains the server's address.
 */

import { EditorView } from '@codemirror/view';
import type { IYText } from '@jupyter/ydoc';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import { EditorExtensionRegistry } from '@jupyterlab/codemirror/lib/extension';
import { ybinding } from '@jupyterlab/codemirror/lib/extensions/ybinding';
import { CodeMirrorEditorFactory } from '@jupyterlab/codemirror/lib/factory';
import { EditorLanguageRegistry } from '@jupyterlab/codemirror/lib/language';
import { EditorThemeRegistry } from '@jupyterlab/codemirror/lib/theme';
import { nullTranslator } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import { Client } from '../api/client';
import { Feed } from '../api/feed';
import type { IProposal, IRun, IStatus } from '../api/types';
import { leaveByTab } from '../codemirror/leave-by-tab';
import { SharedDraftRegistry } from '../drafts/shared-draft';
import type { IResumeAction, IHost, IRunActions } from '../components/host';
import { forbiddenMessage } from '../components/proposal-status';
import { CommandTargets } from '../components/review-commands';
import { ServerActions } from '../components/runs/server-actions';
import { heldSentence } from '../components/states/held-question';
import { showHiddenCharacters } from '../text/hidden-characters';

/** The API version that this page uses. */
const API_VERSION = 1;

/** The Markdown language of notebooks. JupyterLab's list has it under another name. */
const MARKDOWN_LANGUAGE = { name: 'ipythongfm', mime: 'text/x-ipythongfm' };

/** Values for the script, which the server wrote into the page. */
export interface IPageContext {
  /** The server's base URL, with a slash at the end ("/user/ann/"). */
  base: string;
  /** Nonce of the Content-Security-Policy for style elements, which CodeMirror creates. */
  nonce: string;
  /**
   * Shows that a decision was made in this page; "" if the server could not tell that the page is alone in its
   * window.
   */
  pass: string;
}

/** The host of the views on the review page. */
export class PageHost implements IHost {
  /** Set by the page. */
  openProposal?: IHost['openProposal'];

  constructor(private _place: IPageContext) {
    this.client = new Client((path, init) => this._fetch(path, init));
    // CodeMirror keeps one style element per page. The first editor, which is never shown, creates it with the nonce.
    new EditorView({ extensions: EditorView.cspNonce.of(_place.nonce) }).destroy();
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = (path: string): WebSocket =>
      new WebSocket(`${scheme}//${location.host}${_place.base}hitl_nb/api/${path}`);
    this.feed = new Feed(() => socket('feed'));
    this.drafts = new SharedDraftRegistry(socket);
    const actions = new ServerActions(this, () => this._changed.emit());
    this.runActions = run => actions.actionsOn(run);
    this.feed.connectedChanged.connect((_, connected) => {
      if (connected && this._status !== null) {
        void this._reconnect();
      }
      this._changed.emit();
    });
  }

  readonly client: Client;
  readonly feed: Feed;
  readonly drafts: SharedDraftRegistry;
  readonly commandTargets = new CommandTargets();
  /** Shows the next (1) or the previous (-1) proposal, if there is one; the page sets it. */
  goBy: ((by: 1 | -1) => void) | null = null;
  /** The actions on a run that need no notebook. */
  readonly runActions: (run: IRun) => IRunActions;
  readonly trans = nullTranslator.load('hitl_nb');

  get status(): IStatus | null {
    return this._status;
  }

  get readOnly(): string | null {
    if (this._status && this._status.api !== API_VERSION) {
      return this.trans.__(
        'This page does not fit the server’s hitl_nb %1: reload it. Until then nothing can be decided here.',
        showHiddenCharacters(this._status.version)
      );
    }
    if (this.feed.forbidden) {
      return forbiddenMessage(this.trans);
    }
    return this._status?.may.decide === false ? this._status.decide_refused : null;
  }

  get isOwnWindow(): boolean {
    return this._place.pass !== '';
  }

  /** Emitted when the status or the connection changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Read the server's status. Rejects with an ApiError. */
  async refresh(): Promise<void> {
    this._status = await this.client.getStatus();
    this._changed.emit();
  }

  newEditor(options: Parameters<IHost['newEditor']>[0]): CodeEditor.IEditor {
    leaveByTab(options.host);
    this._editors = this._editors ?? makeEditorFactory();
    return this._editors.newInlineEditor({
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

  /** Return the next action for a run, only as text, since this page cannot execute anything. */
  resumeAction(run: IRun, proposal: IProposal): IResumeAction | null {
    const { trans } = this;
    switch (run.status) {
      case 'waiting':
        return {
          text: trans._n(
            'The agent continues after %1 more decision.',
            'The agent continues after %1 more decisions.',
            run.open
          )
        };
      case 'ready': {
        if (run.held) {
          return { text: heldSentence(trans) };
        }
        const notebook = showHiddenCharacters(proposal.path ?? proposal.notebook);
        return {
          text: trans.__(
            'The agent can continue: open %1 in JupyterLab and run the agent’s cell, or run: hitl-nb run %1',
            notebook
          )
        };
      }
      case 'running':
        return { text: trans.__('The agent has continued.') };
      case 'finished':
        return { text: trans.__('The agent has finished.') };
      case 'failed':
        return {
          text: trans.__('The agent continued and failed: %1', showHiddenCharacters(run.error ?? ''))
        };
      case 'cancelled':
        return { text: trans.__('The run was cancelled.') };
    }
  }

  private async _reconnect(): Promise<void> {
    try {
      await this.refresh();
    } catch {
      // The next connection tries again, and the person's next action reports the error.
    }
  }

  private _fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
    if (xsrf) {
      headers.set('X-XSRFToken', xsrf[1]);
    }
    if (this._place.pass) {
      headers.set('X-Hitl-Page', this._place.pass);
    }
    return fetch(`${this._place.base}hitl_nb/api/${path}`, {
      ...init,
      headers,
      credentials: 'same-origin',
      cache: 'no-store'
    });
  }

  private _editors: CodeMirrorEditorFactory | null = null;
  private _status: IStatus | null = null;
  private _changed = new Signal<this, void>(this);
}

/** Create JupyterLab's editors in the way its own plugins do: languages, theme, and the binding to the model. */
function makeEditorFactory(): CodeMirrorEditorFactory {
  const languages = new EditorLanguageRegistry();
  const known = EditorLanguageRegistry.getDefaultLanguages(nullTranslator, name => languages.findBest(name));
  known.forEach(one => languages.addLanguage(one));
  const markdown = known.find(one => one.name === 'Markdown');
  if (markdown && !languages.findByMIME(MARKDOWN_LANGUAGE.mime, true)) {
    languages.addLanguage({ ...MARKDOWN_LANGUAGE, load: markdown.load, support: markdown.support });
  }
  const themes = new EditorThemeRegistry();
  EditorThemeRegistry.getDefaultThemes(nullTranslator).forEach(one => themes.addTheme(one));
  const extensions = new EditorExtensionRegistry();
  EditorExtensionRegistry.getDefaultExtensions({ themes, translator: nullTranslator }).forEach(one =>
    extensions.addExtension(one)
  );
  extensions.addExtension({
    name: 'shared-model-binding',
    factory: ({ model }) => {
      const shared = model.sharedModel as IYText;
      return EditorExtensionRegistry.createImmutableExtension(
        ybinding({ ytext: shared.ysource, undoManager: shared.undoManager ?? undefined })
      );
    }
  });
  return new CodeMirrorEditorFactory({ extensions, languages });
}
