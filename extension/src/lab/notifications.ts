/**
 * Notifications, as the settings allow them. They report new waiting proposals, and what the schedule did with
 * proposals. A warning reports that page and server have different versions.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification as Notices } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { INotice, IProposal, IProposalSummary } from '../api/types';
import { IReview } from './tokens';
import { showHiddenCharacters } from '../text/hidden-characters';

const ID = 'hitl-nb:notices';

/** The command that enables the browser's notifications. */
const ASK_BROWSER = 'hitl-nb:ask-browser-notifications';

/** Most proposals of one pause that get one notification each; for more, one notification has their number. */
const MAX_NOTIFICATIONS = 3;

/** The plugin of the notifications. */
export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows notifications about new waiting proposals.',
  autoStart: true,
  requires: [IReview],
  optional: [ISettingRegistry, INotebookTracker, ICommandPalette],
  activate: async (
    app: JupyterFrontEnd,
    review: IReview,
    registry: ISettingRegistry | null,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null
  ): Promise<void> => {
    const settings = registry ? await registry.load(ID) : null;
    const wants = (name: 'notify' | 'browser'): boolean =>
      (settings?.get(name).composite as boolean | undefined) ?? name === 'notify';
    const { trans } = review;
    settings?.changed.connect(() => {
      if (wants('browser')) {
        void requestPermission(); // the setting was changed by a click
      }
    });
    warnOutdated(review);
    if (settings) {
      app.commands.addCommand(ASK_BROWSER, {
        label: trans.__('Show Agents’ Notifications Outside of JupyterLab Too'),
        caption: trans.__('Asks the browser to show them while this window is in the background'),
        execute: async () => {
          const allowed = await requestPermission();
          await settings.set('browser', allowed);
          if (!allowed) {
            const why = trans.__(
              'The browser does not allow notifications of this page: allow them in its settings.'
            );
            Notices.warning(why, { autoClose: 10_000 });
          }
        }
      });
      palette?.addItem({ command: ASK_BROWSER, category: trans.__('Agents') });
    }
    const inFront = (p: IProposalSummary): boolean =>
      p.path !== null && notebooks?.currentWidget?.context.path === p.path && document.hasFocus();
    const tell = (
      title: string,
      text: string,
      p: Pick<IProposalSummary, 'id' | 'path' | 'agent'> | null
    ): void => {
      const open = (): void => {
        if (p && p.path !== null && review.openNotebook) {
          void review.openNotebook(p);
        } else {
          void app.commands.execute('hitl-nb:open-inbox', p ? { proposal: p.id } : {});
        }
      };
      if (wants('notify')) {
        const label = p && p.path !== null ? trans.__('Go to the cell') : trans.__('Open the inbox');
        const actions = [{ label, callback: open }];
        if (settings && !wants('browser') && canAskBrowser()) {
          const ask = (): void => void app.commands.execute(ASK_BROWSER);
          actions.push({ label: trans.__('Notify outside of JupyterLab too'), callback: ask });
        }
        Notices.info(text, { autoClose: 10_000, actions });
      }
      if (wants('browser') && !document.hasFocus() && areNotificationsAllowed()) {
        const outside = new Notification(title, { body: text, tag: p?.id });
        outside.onclick = () => {
          window.focus();
          outside.close();
          open();
        };
      }
    };
    new NewProposalWatcher(review, found => {
      const title = trans.__('An agent waits for a decision');
      const others = found.filter(p => !inFront(p));
      if (others.length > MAX_NOTIFICATIONS) {
        tell(title, trans.__('%1 proposals wait for a decision', others.length), null);
      } else {
        others.forEach(p => tell(title, trans.__('Waiting: %1', showHiddenCharacters(p.title)), p));
      }
    });
    new ClockStepWatcher(review, (kind, p) => {
      const [title, text] = noticeText(kind, p, trans);
      tell(title, text, p);
    });
  }
};

/** Return title and text of a notification about a proposal. */
function noticeText(kind: INotice['kind'], p: IProposal, trans: TranslationBundle): [string, string] {
  const shown = showHiddenCharacters(p.title);
  switch (kind) {
    case 'reminded':
      return [trans.__('An agent still waits for a decision'), trans.__('Reminder: %1', shown)];
    case 'escalated':
      return [trans.__('Others are asked too'), trans.__('Escalated: %1', shown)];
    case 'overdue':
      return [trans.__('A decision is overdue'), trans.__('Overdue: %1', shown)];
    case 'stuck':
      return [trans.__('Nobody may decide a proposal'), trans.__('Stuck: %1', shown)];
    case 'expired':
      return [trans.__('A decision is asked again'), trans.__('The decision expired: %1', shown)];
  }
}

/** Return true if the browser shows notifications of this page. */
function areNotificationsAllowed(): boolean {
  return 'Notification' in window && Notification.permission === 'granted';
}

/** Return true if the browser would ask the person. */
function canAskBrowser(): boolean {
  return 'Notification' in window && Notification.permission === 'default';
}

/**
 * Ask for the browser's permission, if it was not asked yet. Resolves to true if it was given. Browsers ask only
 * after a click or a key.
 */
async function requestPermission(): Promise<boolean> {
  return (
    areNotificationsAllowed() || (canAskBrowser() && (await Notification.requestPermission()) === 'granted')
  );
}

/**
 * Warn once per page if its version differs from the server's. This does not depend on the settings, since all else
 * does depend on the version.
 */
function warnOutdated(review: IReview): void {
  const tell = (): void => {
    if (review.versionProblem !== null) {
      review.changed.disconnect(tell);
      Notices.warning(review.versionProblem, {
        autoClose: false,
        actions: [{ label: review.trans.__('Reload the page'), callback: () => window.location.reload() }]
      });
    }
  };
  review.changed.connect(tell);
  tell(); // the status may be known already
}

/** Finds new waiting proposals in the runs that the feed names. */
class NewProposalWatcher {
  constructor(
    private _review: IReview,
    private _onFound: (proposals: IProposalSummary[]) => void
  ) {
    _review.feed.changed.connect((_, changed) => {
      for (const run of changed?.runs ?? []) {
        void this._lookAtRun(run);
      }
    });
  }

  private async _lookAtRun(id: string): Promise<void> {
    let found: IProposalSummary[];
    try {
      const { run, proposals } = await this._review.client.getRun(id);
      found = run.status === 'waiting' ? proposals.filter(p => p.status === 'open') : [];
    } catch {
      return; // the inbox shows errors of the server
    }
    const fresh = found.filter(p => !this._knownIds.has(p.id));
    fresh.forEach(p => this._knownIds.add(p.id));
    if (fresh.length > 0) {
      this._onFound(fresh);
    }
  }

  private _knownIds = new Set<string>();
}

/** Reads the proposals of the feed's notices, and reports those that this person may decide. */
class ClockStepWatcher {
  constructor(
    private _review: IReview,
    private _onFound: (kind: INotice['kind'], proposal: IProposal) => void
  ) {
    _review.feed.changed.connect((_, changed) => {
      for (const { kind, proposal } of changed?.notices ?? []) {
        void this._readProposal(kind, proposal);
      }
    });
  }

  private async _readProposal(kind: INotice['kind'], id: string): Promise<void> {
    let found: IProposal;
    try {
      found = await this._review.client.getProposal(id);
    } catch {
      return; // the inbox shows errors of the server
    }
    const may = (found as { may?: { decide: boolean } }).may ?? this._review.status?.may;
    const isOver = found.status !== 'open'; // an expired question is asked again as another proposal
    if (kind === 'expired' ? this._review.status?.may.decide : !isOver && may?.decide) {
      this._onFound(kind, found);
    }
  }
}
