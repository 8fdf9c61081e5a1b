/**
 * Notifications, as the settings allow them: proposals that wait for this person, and what happened to them. A warning
 * reports that page and server have different versions.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification as Notices } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IReview } from '../tokens';
import { LaterNotices } from './later-notices';
import { MentionWatcher } from './mention-watcher';
import { canAskBrowser, NoticeDisplay, requestPermission } from './notice-display';
import { NoticeMemory } from './notice-memory';
import type { IProposalNotice, NoticeSubject } from './notice-texts';
import { RunWatcher } from './run-watcher';

const ID = 'hitl-nb:notices';

/** The command that enables the browser's notifications. */
const ASK_BROWSER = 'hitl-nb:ask-browser-notifications';

/** Types that are not told about the notebook in front: the card is there. */
const SEEN_IN_FRONT: readonly IProposalNotice['type'][] = ['waiting', 'doubt'];

/** The plugin of the notifications. */
export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Shows notifications about proposals that wait for you.',
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
    warnOutdated(review);
    if (settings) {
      addBrowserCommand(app, review, settings, palette);
    }
    const memory = new NoticeMemory();
    const wants = (name: 'notify' | 'browser'): boolean =>
      (settings?.get(name).composite as boolean | undefined) ?? name === 'notify';
    const display = new NoticeDisplay({
      trans: review.trans,
      wants,
      open: p => {
        if (p && p.path !== null && review.openNotebook) {
          void review.openNotebook(p);
        } else {
          void app.commands.execute('hitl-nb:open-inbox', p ? { proposal: p.id } : {});
        }
      },
      snooze: p => later.snooze(p.id),
      mute: settings ? agent => void settings.set('muted', [...mutedAgents(settings), agent]) : undefined,
      askBrowser: () => {
        const canAsk = settings !== null && !wants('browser') && canAskBrowser();
        return canAsk && memory.tell('ask the browser') ? () => void app.commands.execute(ASK_BROWSER) : null;
      }
    });
    const isInFront = ({ path }: NoticeSubject): boolean =>
      path !== null && notebooks?.currentWidget?.context.path === path && document.hasFocus();
    /** Tell a notice once; `which` tells apart several ones of the same type about a proposal. */
    const tell = (notice: IProposalNotice, which = ''): void => {
      const { type, proposal } = notice;
      const muted = settings !== null && mutedAgents(settings).includes(proposal.agent);
      const seen = SEEN_IN_FRONT.includes(type) && isInFront(proposal);
      if (!muted && memory.tell(`${type} ${proposal.id} ${which}`) && !seen) {
        display.add(notice);
      }
    };
    const later = new LaterNotices(review, memory, (type, proposal) =>
      tell({ type, proposal }, type === 'due' ? (proposal.deadline ?? '') : String(Date.now()))
    );
    new RunWatcher(
      review,
      notice => tell(notice, REPEATED.includes(notice.type) ? String(Date.now()) : ''),
      proposal => later.watchDeadline(proposal)
    );
    new MentionWatcher(review, tell);
  }
};

/** Types that a schedule may tell again about the same proposal. */
const REPEATED: readonly IProposalNotice['type'][] = ['reminded', 'escalated', 'overdue', 'stuck'];

/** The agents that the settings exclude. */
function mutedAgents(settings: ISettingRegistry.ISettings): string[] {
  const found = settings.get('muted').composite;
  return Array.isArray(found) ? found.map(String) : [];
}

/** Add the command that asks the browser; the setting asks too, since it is changed by a click. */
function addBrowserCommand(
  app: JupyterFrontEnd,
  { trans }: IReview,
  settings: ISettingRegistry.ISettings,
  palette: ICommandPalette | null
): void {
  settings.changed.connect(() => {
    if (settings.get('browser').composite === true) {
      void requestPermission();
    }
  });
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
