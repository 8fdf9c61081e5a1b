/**
 * The entries of a timeline in words: "Waited 8 min for Refund order 40215", with an icon and a second line.
 */

import type { EntryType, ITimelineEntry } from '../api/types';
import type { Tone } from '../components/controls/chip';
import type { IconName } from '../components/controls/icons';
import type { IHost } from '../components/host';
import { formatDuration } from '../text/duration';
import { showHiddenCharacters } from '../text/hidden-characters';

/** One entry, or several decisions of the same rule, as the list shows it. Its texts can be shown as they are. */
export interface IEntryWords {
  readonly icon: IconName;
  readonly tone: Tone;
  readonly text: string;
  /** The subject of the entry, such as the title of a proposal; it follows the text in bold. */
  readonly about: string;
  /** The second line: by whom, why, how long. */
  readonly note: string;
}

/** A choice of entries: all, what people and policies decided, or what the program did. */
export type EntryFilter = 'all' | 'decisions' | 'steps';

const DECISION_TYPES: readonly EntryType[] = [
  ...(['waiting', 'decision', 'vote', 'policy', 'comment', 'clock', 'doubt', 'flag'] as const)
];
const STEP_TYPES: readonly EntryType[] = ['working', 'statement', 'step', 'doubt', 'failed'];

/** Most titles that one line names. */
const MAX_TITLES = 3;

/** Return true if a filter shows an entry. A pause is shown by the time that the run waits then. */
export function isShown({ type }: ITimelineEntry, filter: EntryFilter): boolean {
  if (type === 'paused') {
    return false;
  }
  return filter === 'all' || (filter === 'decisions' ? DECISION_TYPES : STEP_TYPES).includes(type);
}

/** Put successive decisions of the same rule together; all other entries are alone. */
export function groupEntries(entries: readonly ITimelineEntry[]): ITimelineEntry[][] {
  const groups: ITimelineEntry[][] = [];
  for (const entry of entries) {
    const last = groups[groups.length - 1] as ITimelineEntry[] | undefined;
    if (last && isSameRule(last[0], entry)) {
      last.push(entry);
    } else {
      groups.push([entry]);
    }
  }
  return groups;
}

function isSameRule(one: ITimelineEntry, other: ITimelineEntry): boolean {
  const isPolicy = one.type === 'policy' && other.type === 'policy' && 'action' in one.detail;
  return isPolicy && one.actor === other.actor && one.detail['action'] === other.detail['action'];
}

/** Describe a group of entries. */
export function describeGroup(group: readonly ITimelineEntry[], host: IHost): IEntryWords {
  const [first] = group;
  if (group.length === 1) {
    return describeEntry(first, host);
  }
  const { trans } = host;
  const blocked = first.detail['action'] === 'reject';
  return {
    icon: 'shield',
    tone: blocked ? 'bad' : 'neutral',
    text: blocked
      ? trans.__('%1 blocked by policy', group.length)
      : trans.__('%1 passed by policy', group.length),
    about: '',
    note: showHiddenCharacters(first.actor)
  };
}

function describeEntry(entry: ITimelineEntry, host: IHost): IEntryWords {
  const { trans } = host;
  const { type, what, detail, seconds } = entry;
  const actor = showHiddenCharacters(entry.actor);
  const took = seconds === null ? '' : formatDuration(seconds);
  const words = (
    icon: IconName,
    tone: Tone,
    text: string,
    more: { about?: string; note?: string } = {}
  ): IEntryWords => ({
    ...{ icon, tone, text },
    about: showHiddenCharacters(more.about ?? ''),
    note: more.note ?? ''
  });
  switch (type) {
    case 'opened':
      return words('play', 'brand', trans.__('Began'), { note: actor });
    case 'resumed':
      return words('play', 'brand', trans.__('Continued'), { note: actor });
    case 'finished':
      return words('check', 'good', trans.__('Finished'));
    case 'cancelled':
      return words('stop', 'neutral', trans.__('Cancelled'), {
        note: joinParts(actor, textOf(detail['error']))
      });
    case 'failed':
      return words('cross', 'bad', trans.__('Failed'), { note: textOf(detail['error']) });
    case 'working':
      return words('notebook', 'neutral', took ? trans.__('Worked %1', took) : trans.__('Working'), {
        note: joinParts(capitalize(what.replace(/^working ?\(?|\)$/g, '')), actor)
      });
    case 'waiting':
      return describeWait(entry, took, host);
    case 'decision':
      return describeDecision(entry, host);
    case 'policy':
      return describePolicy(entry, host);
    case 'comment':
      return words('comment', 'neutral', trans.__('Comment on'), {
        about: titlesOf(entry, host),
        note: actor
      });
    case 'flag':
      return words('flag', 'bad', trans.__('Flagged as wrong'), {
        about: titlesOf(entry, host),
        note: joinParts(actor, quoteText(detail['reason']))
      });
    case 'doubt':
      return words('warning', 'warn', showHiddenCharacters(what), { note: took });
    case 'step':
      return words('wrench', 'neutral', showHiddenCharacters(what), { note: took });
    case 'statement':
      return words('text', 'neutral', capitalize(what), { note: took });
    case 'vote':
      return words('people', 'brand', capitalize(what), {
        note: joinParts(actor, quoteText(detail['reason']))
      });
    default:
      return words('clock', 'warn', capitalize(what), { note: actor });
  }
}

function describeWait(entry: ITimelineEntry, took: string, host: IHost): IEntryWords {
  const { trans } = host;
  const about = titlesOf(entry, host);
  const text = took ? trans.__('Waited %1 for', took) : trans.__('Waiting for');
  return { icon: 'clock', tone: 'brand', text, about: showHiddenCharacters(about), note: '' };
}

function describeDecision(entry: ITimelineEntry, host: IHost): IEntryWords {
  const { trans } = host;
  const { detail } = entry;
  const action = String(detail['action'] ?? '');
  const known: { [action: string]: [IconName, Tone, string] } = {
    approve: ['check', 'good', trans.__('Approved')],
    edit: ['pencil', 'good', trans.__('Approved with edits')],
    reject: ['cross', 'bad', trans.__('Rejected')],
    respond: ['answer', 'brand', trans.__('Answered')]
  };
  const [icon, tone, word] = known[action] ?? (['check', 'neutral', trans.__('Decided')] as const);
  const byDeadline = detail['by'] === 'deadline';
  return {
    icon: byDeadline ? 'clock' : icon,
    tone,
    text: byDeadline ? trans.__('%1 by the deadline', word) : word,
    about: showHiddenCharacters(titlesOf(entry, host)),
    note: joinParts(byDeadline ? '' : showHiddenCharacters(entry.actor), quoteText(detail['reason']))
  };
}

function describePolicy(entry: ITimelineEntry, host: IHost): IEntryWords {
  const { trans } = host;
  const { detail, what } = entry;
  const note = showHiddenCharacters(entry.actor);
  if (!('action' in detail)) {
    return { icon: 'shield', tone: 'warn', text: capitalize(what), about: '', note };
  }
  const blocked = detail['action'] === 'reject';
  return {
    icon: 'shield',
    tone: blocked ? 'bad' : 'neutral',
    text: blocked ? trans.__('Blocked by policy') : trans.__('Passed by policy'),
    about: showHiddenCharacters(titlesOf(entry, host)),
    note
  };
}

/** Name the proposals of an entry; of many, the first ones and how many more. A server of an older version sends none. */
function titlesOf(entry: ITimelineEntry, { trans }: IHost): string {
  const titles = (entry.titles as readonly string[] | undefined) ?? [];
  const more = titles.length - MAX_TITLES;
  const named = titles.slice(0, MAX_TITLES).join(', ');
  return more > 0 ? trans.__('%1 and %2 more', named, more) : named;
}

function quoteText(text: unknown): string {
  return textOf(text) && `“${textOf(text)}”`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? showHiddenCharacters(value) : '';
}

function joinParts(...parts: string[]): string {
  return parts.filter(Boolean).join(' · ');
}

function capitalize(text: string): string {
  const shown = showHiddenCharacters(text);
  return shown.charAt(0).toUpperCase() + shown.slice(1);
}
