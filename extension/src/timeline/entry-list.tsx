/**
 * The entries of a timeline as a list. An entry with recorded details can be unfolded.
 */

import { useState } from 'react';
import type { ITimelineEntry } from '../api/types';
import { Icon } from '../components/controls/icons';
import { JsonTree } from '../components/evidence/json-tree';
import type { IHost } from '../components/host';
import { showHiddenCharacters } from '../text/hidden-characters';
import { describeGroup } from './entry-words';

/** How many entries are shown at first, and how many more by a press. */
const PAGE_SIZE = 300;

/** Groups of entries, oldest first. */
export function EntryList({ groups, host }: { groups: ITimelineEntry[][]; host: IHost }): JSX.Element {
  const [count, setCount] = useState(PAGE_SIZE);
  const more = groups.length - count;
  return (
    <>
      <ol className="jp-hitl-entries">
        {groups.slice(0, count).map(group => (
          <EntryItem key={entryKey(group[0])} group={group} host={host} />
        ))}
      </ol>
      {more > 0 && (
        <button type="button" className="jp-hitl-link" onClick={() => setCount(count + PAGE_SIZE)}>
          {host.trans._n('Show %1 more', 'Show %1 more', more)}
        </button>
      )}
    </>
  );
}

function entryKey({ n, type, at, what }: ITimelineEntry): string {
  return `${n} ${type} ${at} ${what}`;
}

function EntryItem({ group, host }: { group: ITimelineEntry[]; host: IHost }): JSX.Element {
  const [open, setOpen] = useState(false);
  const { icon, tone, text, about, note } = describeGroup(group, host);
  const [{ at }] = group;
  const unfolds = group.length > 1 || Object.keys(group[0].detail).length > 0;
  const line = (
    <>
      <time dateTime={at} title={formatExactTime(at)}>
        {formatTimeOfDay(at)}
      </time>
      <span className="jp-hitl-entry-text">
        {text} {about && <b>{about}</b>}
      </span>
    </>
  );
  return (
    <li>
      <span className={`jp-hitl-badge jp-mod-${tone}`}>
        <Icon name={icon} />
      </span>
      {unfolds ? (
        <button
          type="button"
          className="jp-hitl-entry-line"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {line}
        </button>
      ) : (
        <div className="jp-hitl-entry-line">{line}</div>
      )}
      {note && <div className="jp-hitl-small jp-hitl-muted">{note}</div>}
      {open && (
        <div className="jp-hitl-entry-detail">
          {group.length > 1 ? (
            <ul>
              {group.map(entry => (
                <li key={entryKey(entry)}>{showHiddenCharacters(entry.what)}</li>
              ))}
            </ul>
          ) : (
            <JsonTree value={group[0].detail} host={host} />
          )}
        </div>
      )}
    </li>
  );
}

/** "21:44:02", in the user's locale. */
export function formatTimeOfDay(at: string): string {
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false } as const;
  return new Date(at).toLocaleTimeString([], clock);
}

/** The date and the time to the millisecond, in the user's locale. */
export function formatExactTime(at: string): string {
  return new Date(at).toLocaleString(undefined, {
    ...({ year: 'numeric', month: 'short', day: 'numeric' } as const),
    ...({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 } as const)
  });
}
