/**
 * Shows notifications: those of JupyterLab, and those of the browser while this window is hidden. Many
 * notifications at once are shown as one.
 */

import { Notification as Notices } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { noticeText, noticeTitle, type IProposalNotice, type NoticeSubject } from './notice-texts';

/** Most notifications at once; for more, one notification has their number. */
const MAX_AT_ONCE = 3;

/** Time in which notifications count as coming at once, in milliseconds. */
const GATHER_MS = 300;

const AUTO_CLOSE_MS = 15_000;

/** The surroundings of the notifications: settings, and the actions of their buttons. */
export interface INoticeSurroundings {
  readonly trans: TranslationBundle;
  /** Whether JupyterLab's notifications are wanted, and those of the browser. */
  wants(name: 'notify' | 'browser'): boolean;
  /** Show a proposal, or (null) the inbox. */
  open(proposal: NoticeSubject | null): void;
  /** Tell it again in an hour. */
  snooze(proposal: NoticeSubject): void;
  /** Show no notifications about this agent any more; absent without settings. */
  mute?(agent: string): void;
  /** Return what asks for the browser's notifications, the first time that this is possible; null after that. */
  askBrowser(): (() => void) | null;
}

/** Types about proposals that nobody can decide here any more. */
const OVER: readonly IProposalNotice['type'][] = ['decided', 'expired'];

/** Gathers notifications, and shows them. */
export class NoticeDisplay {
  constructor(private _around: INoticeSurroundings) {}

  /** Show a notification soon, together with those that come at the same time. */
  add(notice: IProposalNotice): void {
    this._gathered.push(notice);
    this._timer ??= setTimeout(() => this._show(), GATHER_MS);
  }

  private _show(): void {
    const notices = this._gathered;
    this._gathered = [];
    this._timer = undefined;
    if (notices.length > MAX_AT_ONCE) {
      const title = summarize(notices, this._around.trans);
      this._tell(title, '', null, [this._reviewAction(null)]);
      return;
    }
    for (const notice of notices) {
      const { trans } = this._around;
      const title = noticeTitle(notice, trans);
      this._tell(title, noticeText(notice, Date.now(), trans), notice.proposal, this._actionsOn(notice));
    }
  }

  private _actionsOn({ type, proposal }: IProposalNotice): Notices.IAction[] {
    const { trans, snooze, mute } = this._around;
    const actions = [this._reviewAction(proposal)];
    if (!OVER.includes(type)) {
      actions.push({ label: trans.__('In an hour'), callback: () => snooze(proposal) });
    }
    if (mute && proposal.agent) {
      actions.push({
        label: trans.__('Not for this agent'),
        displayType: 'link',
        callback: () => mute(proposal.agent)
      });
    }
    return actions;
  }

  private _reviewAction(proposal: NoticeSubject | null): Notices.IAction {
    const { trans, open } = this._around;
    return { label: trans.__('Review'), displayType: 'accent', callback: () => open(proposal) };
  }

  private _tell(
    title: string,
    text: string,
    proposal: NoticeSubject | null,
    actions: Notices.IAction[]
  ): void {
    const { trans, wants, open, askBrowser } = this._around;
    if (wants('notify')) {
      const ask = askBrowser();
      const offers = ask ? [{ label: trans.__('Notify outside of JupyterLab too'), callback: ask }] : [];
      Notices.info([title, text].filter(Boolean).join(' · '), {
        autoClose: AUTO_CLOSE_MS,
        actions: [...actions, ...offers]
      });
    }
    if (wants('browser') && document.hidden && areNotificationsAllowed()) {
      const outside = new Notification(title, { body: text, tag: proposal?.id });
      outside.onclick = () => {
        window.focus();
        outside.close();
        open(proposal);
      };
    }
  }

  private _gathered: IProposalNotice[] = [];
  private _timer: ReturnType<typeof setTimeout> | undefined;
}

/** Say of how many proposals there are notifications: those that need the person, and those that do not any more. */
function summarize(notices: readonly IProposalNotice[], trans: TranslationBundle): string {
  const over = (type: IProposalNotice['type']): number => countProposals(notices, one => one.type === type);
  const [decided, expired] = [over('decided'), over('expired')];
  const waiting = countProposals(notices, one => !OVER.includes(one.type));
  return [
    waiting > 0 && trans._n('%1 proposal needs you', '%1 proposals need you', waiting),
    decided > 0 && trans._n('%1 was decided without you', '%1 were decided without you', decided),
    expired > 0 && trans._n('%1 is asked again', '%1 are asked again', expired)
  ]
    .filter(Boolean)
    .join(', ');
}

function countProposals(
  notices: readonly IProposalNotice[],
  fits: (notice: IProposalNotice) => boolean
): number {
  return new Set(notices.filter(fits).map(({ proposal }) => proposal.id)).size;
}

/** Return true if the browser shows notifications of this page. */
export function areNotificationsAllowed(): boolean {
  return 'Notification' in window && Notification.permission === 'granted';
}

/** Return true if the browser would ask the person. */
export function canAskBrowser(): boolean {
  return 'Notification' in window && Notification.permission === 'default';
}

/**
 * Ask for the browser's permission, if it was not asked yet. Resolves to true if it was given. Browsers ask only
 * after a click or a key.
 */
export async function requestPermission(): Promise<boolean> {
  return (
    areNotificationsAllowed() || (canAskBrowser() && (await Notification.requestPermission()) === 'granted')
  );
}
