/**
 * The texts of a notification: the title of the proposal with what happened, why a person is asked, and the time left.
 */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { INotice, IProposal, IProposalSummary } from '../../api/types';
import { formatTimeLeft } from '../../components/terms-sentences';
import { showHiddenCharacters } from '../../text/hidden-characters';

/** Kinds of notifications. The last ones come from the schedule of a policy. */
export type NoticeType = 'waiting' | 'doubt' | 'due' | 'decided' | 'mentioned' | INotice['kind'];

/** The parts of a proposal that a notification needs. */
export type NoticeSubject = Pick<
  IProposal | IProposalSummary,
  'id' | 'title' | 'agent' | 'path' | 'why' | 'deadline'
>;

/** One notification about a proposal. */
export interface IProposalNotice {
  type: NoticeType;
  proposal: NoticeSubject;
  /** A text in place of why a person is asked, such as the comment with the mention. */
  note?: string;
  /** The person who did it. */
  who?: string;
}

/** Longest parts of a notification, in characters; JupyterLab cuts its messages at 140. */
const MAX_TITLE = 56;
const MAX_NOTE = 60;

/** Return what happened, in one short sentence with the title of the proposal. */
export function noticeTitle({ type, proposal, who = '' }: IProposalNotice, trans: TranslationBundle): string {
  const title = clip(proposal.title, MAX_TITLE);
  switch (type) {
    case 'waiting':
      return trans.__('%1 waits for you', title);
    case 'doubt':
      return trans.__('In doubt: %1', title);
    case 'due':
      return trans.__('%1 is due soon', title);
    case 'decided':
      return trans.__('%1 was decided without you', title);
    case 'mentioned':
      return trans.__('%1 mentioned you: %2', clip(who, MAX_NOTE), title);
    case 'reminded':
      return trans.__('%1 still waits for you', title);
    case 'escalated':
      return trans.__('%1 is escalated to you', title);
    case 'overdue':
      return trans.__('%1 is late', title);
    case 'stuck':
      return trans.__('Nobody can decide: %1', title);
    case 'expired':
      return trans.__('%1 is asked again: the decision expired', title);
  }
}

/** Return why a person is asked, or what happened, and the time left; "" if nothing is known. */
export function noticeText(
  { type, proposal, note }: IProposalNotice,
  now: number,
  trans: TranslationBundle
): string {
  const why = note ?? (type === 'decided' ? '' : (proposal.why ?? []).join(', '));
  const left = proposal.deadline && type !== 'decided' ? formatTimeLeft(proposal.deadline, now) : '';
  const parts = [clip(why, MAX_NOTE), left && trans.__('%1 left', left)];
  return parts.filter(Boolean).join(' · ');
}

/** Shorten a text of an agent or a person to one line, and show its hidden characters. */
function clip(text: string, length: number): string {
  const line = showHiddenCharacters(text).replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
