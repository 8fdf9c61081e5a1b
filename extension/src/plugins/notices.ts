/**
 * Tells the person about proposals that began to wait while this window was open, as the settings say, and that page
 * and server are of different versions.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification as Notices } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { ISummary } from '../api/types';
import { IReview } from '../tokens';
import { visible } from '../view/visible';

const ID = 'hitl-nb:notices';

/** Most proposals of one pause that get a notification each; of more, one says how many. */
const MOST = 3;

export const notices: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Tells about proposals that began to wait.',
  autoStart: true,
  requires: [IReview],
  optional: [ISettingRegistry, INotebookTracker],
  activate: async (
    app: JupyterFrontEnd,
    review: IReview,
    registry: ISettingRegistry | null,
    notebooks: INotebookTracker | null
  ): Promise<void> => {
    const settings = registry ? await registry.load(ID) : null;
    const wants = (name: 'notify' | 'browser'): boolean =>
      (settings?.get(name).composite as boolean | undefined) ?? name === 'notify';
    settings?.changed.connect(() => {
      if (wants('browser') && 'Notification' in window && Notification.permission === 'default') {
        void Notification.requestPermission();
      }
    });
    const { trans } = review;
    tellOnce(review);
    const inFront = (p: ISummary): boolean =>
      p.path !== null && notebooks?.currentWidget?.context.path === p.path && document.hasFocus();
    const tell = (text: string, p: ISummary | null): void => {
      if (wants('notify')) {
        const open = (): void => {
          if (p && p.path !== null && review.openNotebook) {
            void review.openNotebook(p);
          } else {
            void app.commands.execute('hitl-nb:open-inbox');
          }
        };
        const label = p && p.path !== null ? trans.__('Go to the cell') : trans.__('Open the inbox');
        Notices.info(text, { autoClose: 10_000, actions: [{ label, callback: open }] });
      }
      if (wants('browser') && document.hidden && Notification.permission === 'granted') {
        new Notification(trans.__('An agent waits for a decision'), { body: text, tag: p?.id });
      }
    };
    new Newcomers(review, found => {
      const others = found.filter(p => !inFront(p));
      if (others.length > MOST) {
        tell(trans.__('%1 proposals wait for a decision', others.length), null);
      } else {
        others.forEach(p => tell(trans.__('Waiting: %1', visible(p.title)), p));
      }
    });
  }
};

/** Once in the life of a page, that it is not of the server's version. No setting is asked: it is about all else. */
function tellOnce(review: IReview): void {
  const tell = (): void => {
    if (review.outdated !== null) {
      review.changed.disconnect(tell);
      Notices.warning(review.outdated, {
        autoClose: false,
        actions: [{ label: review.trans.__('Reload the page'), callback: () => window.location.reload() }]
      });
    }
  };
  review.changed.connect(tell);
  tell(); // it may be known already
}

/** Hears which runs changed, and finds the proposals that they wait for now and did not before. */
class Newcomers {
  constructor(
    private _review: IReview,
    private _found: (proposals: ISummary[]) => void
  ) {
    _review.feed.changed.connect((_, changed) => {
      for (const run of changed?.runs ?? []) {
        void this._look(run);
      }
    });
  }

  private async _look(id: string): Promise<void> {
    let found: ISummary[];
    try {
      const { run, proposals } = await this._review.client.run(id);
      found = run.status === 'waiting' ? proposals.filter(p => p.status === 'open') : [];
    } catch {
      return; // the inbox says what is wrong with the server
    }
    const fresh = found.filter(p => !this._told.has(p.id));
    fresh.forEach(p => this._told.add(p.id));
    if (fresh.length > 0) {
      this._found(fresh);
    }
  }

  private _told = new Set<string>();
}
