/**
 * Finds comments that mention this person.
 */

import type { IHost } from '../../components/host';
import { displayName } from '../../text/guest-names';
import type { IProposalNotice } from './notice-texts';

/** Most changed proposals of one message whose comments are read. */
const MAX_READ = 10;

/** Age after which a comment is not told any more, in milliseconds. */
const MAX_AGE_MS = 10 * 60_000;

/** Calls `_onFound` with each notice and a name of the comment. It may find the same comment again. */
export class MentionWatcher {
  constructor(
    private _host: IHost,
    private _onFound: (notice: IProposalNotice, comment: string) => void
  ) {
    _host.feed.changed.connect((_, changed) => {
      const ids = changed?.proposals ?? [];
      // Others have made-up names, which nobody can mention.
      if (_host.status?.authn === 'login' && ids.length <= MAX_READ) {
        ids.forEach(id => void this._lookAt(id));
      }
    });
  }

  private async _lookAt(id: string): Promise<void> {
    const me = this._host.status?.user.username ?? '';
    const proposal = await this._host.client.getProposal(id).catch(() => null);
    for (const one of proposal?.comments ?? []) {
      const isNew = Date.now() - Date.parse(one.at) < MAX_AGE_MS;
      if (proposal && isNew && one.author !== me && one.mentions.includes(me)) {
        const who = displayName(one.author, one.author_name);
        this._onFound({ type: 'mentioned', proposal, note: one.text, who }, one.id);
      }
    }
  }
}
