/**
 * Notices at a later time: a proposal that is due in ten minutes, and one that somebody wants to see again.
 */

import type { IProposal } from '../../api/types';
import type { IHost } from '../../components/host';
import { hasSeat } from '../../components/terms-sentences';
import type { NoticeMemory } from './notice-memory';
import type { NoticeSubject } from './notice-texts';

/** Time before the deadline at which a proposal is told, in milliseconds. */
const BEFORE_MS = 10 * 60_000;

const HOUR_MS = 60 * 60_000;

/** Longest time of one timer, in milliseconds; a browser's timers have a limit. */
const MAX_TIMER_MS = 24 * HOUR_MS;

/** Tells proposals at their times, if they still wait for this person then. */
export class LaterNotices {
  constructor(
    private _host: Pick<IHost, 'client'>,
    private _memory: NoticeMemory,
    private _onTime: (type: 'due' | 'reminded', proposal: IProposal) => void
  ) {
    Object.entries(_memory.snoozed).forEach(([id, at]) => this._atTime(at, () => this._tellAgain(id)));
  }

  /** Tell a proposal ten minutes before its deadline. */
  watchDeadline({ id, deadline }: Pick<NoticeSubject, 'id' | 'deadline'>): void {
    const at = Date.parse(deadline ?? '') - BEFORE_MS;
    if (!Number.isNaN(at) && !this._watched.has(`${id} ${at}`)) {
      this._watched.add(`${id} ${at}`);
      this._atTime(at, () => this._tellDue(id));
    }
  }

  /** Tell a proposal again in an hour, also after a reload. */
  snooze(id: string): void {
    const at = Date.now() + HOUR_MS;
    this._memory.snooze(id, at);
    this._atTime(at, () => this._tellAgain(id));
  }

  private _atTime(at: number, act: () => Promise<void>): void {
    const rest = at - Date.now();
    if (rest > MAX_TIMER_MS) {
      setTimeout(() => this._atTime(at, act), MAX_TIMER_MS);
    } else {
      setTimeout(() => void act(), Math.max(0, rest));
    }
  }

  private async _tellDue(id: string): Promise<void> {
    const found = await this._readWaiting(id);
    const left = Date.parse(found?.deadline ?? '') - Date.now();
    if (found && left > 0 && left <= BEFORE_MS) {
      this._onTime('due', found);
    } else if (found) {
      this.watchDeadline(found); // the deadline was moved
    }
  }

  private async _tellAgain(id: string): Promise<void> {
    const at = this._memory.snoozed[id];
    if (at === undefined || at > Date.now()) {
      return; // another window told it, or it was put off again
    }
    this._memory.snooze(id, null);
    const found = await this._readWaiting(id);
    if (found) {
      this._onTime('reminded', found);
    }
  }

  /** Read a proposal; null if it does not wait for this person any more. */
  private async _readWaiting(id: string): Promise<IProposal | null> {
    const found = await this._host.client.getProposal(id).catch(() => null);
    return found?.status === 'open' && hasSeat(found) ? found : null;
  }

  private _watched = new Set<string>();
}
