/**
 * People at a draft: everybody who has it open, who types, and who has read it. Screen readers are told about
 * arrivals and departures, once they have settled.
 */

import { type RefObject, useEffect, useState } from 'react';
import type { IDraft, IPerson } from '../drafts/draft';
import type { IHost } from './host';
import { tintStyle } from './field-presence';
import { formatWhen } from './proposal-status';
import { displayName } from '../text/guest-names';
import { showHiddenCharacters } from '../text/hidden-characters';

/** Milliseconds without arrivals and departures before the people present are announced. */
const SETTLE_MS = 2000;

/** The people at a draft, as faces. The list is announced to screen readers when it has settled. */
export function PresenceFaces({ draft, host }: { draft: IDraft; host: IHost }): JSX.Element {
  const { trans } = host;
  const people = uniquePeople(draft.people);
  const others = people.filter(one => !one.me);
  const announced = useSettledText(
    others.length === 0
      ? ''
      : trans.__('Also here: %1', others.map(one => showHiddenCharacters(one.name)).join(', '))
  );
  return (
    <div className="jp-hitl-presence">
      <ul className="jp-hitl-faces" aria-label={trans.__('People here')}>
        {people.map(one => {
          const name = one.me ? trans.__('You') : showHiddenCharacters(one.name);
          return (
            <li key={one.username} className="jp-hitl-face" style={tintStyle(one.color)} title={name}>
              <span aria-hidden="true">{one.me ? name : showHiddenCharacters(one.initials)}</span>
              <span className="jp-hitl-visually-hidden">{name}</span>
            </li>
          );
        })}
      </ul>
      <span className="jp-hitl-visually-hidden" aria-live="polite">
        {announced}
      </span>
    </div>
  );
}

interface ILineProps {
  draft: IDraft;
  /** Name of the agent, while it is writing. */
  writing?: string;
  host: IHost;
}

/** The people who type now, and those who have read the draft. The line is as high without them, so that nothing moves. */
export function PresenceLine({ draft, writing, host }: ILineProps): JSX.Element {
  const { trans } = host;
  const people = uniquePeople(draft.people);
  const typing = people.filter(one => !one.me && one.typing).map(one => showHiddenCharacters(one.name));
  const me = people.find(one => one.me);
  const readers = draft.readers.filter(one => one.username !== me?.username);
  return (
    <div className="jp-hitl-presence-line">
      {draft.isLoaded && !draft.isSynced && !draft.closeReason && (
        <span className="jp-hitl-offline">{trans.__('Not connected')}</span>
      )}
      {writing !== undefined && (
        <span className="jp-hitl-typing">{trans.__('%1 is writing …', showHiddenCharacters(writing))}</span>
      )}
      {typing.length > 0 && (
        <span className="jp-hitl-typing">
          {typing.length > 1
            ? trans.__('%1 are typing …', typing.join(', '))
            : trans.__('%1 is typing …', typing[0])}
        </span>
      )}
      {readers.length > 0 && (
        <span
          className="jp-hitl-readers"
          title={readers
            .map(one => `${showHiddenCharacters(displayName(one.username, one.name))}: ${formatWhen(one.at)}`)
            .join('\n')}
        >
          {trans.__(
            'Read by %1',
            readers.map(one => showHiddenCharacters(displayName(one.username, one.name))).join(', ')
          )}
        </span>
      )}
    </div>
  );
}

/** Merge the windows of each person into one entry. */
function uniquePeople(people: readonly IPerson[]): IPerson[] {
  const found = new Map<string, IPerson>();
  for (const one of people) {
    const known = found.get(one.username) ?? one;
    found.set(one.username, { ...known, me: known.me || one.me, typing: known.typing || one.typing });
  }
  return [...found.values()];
}

function useSettledText(text: string): string {
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** Tell the others whether the draft is visible to this person. */
export function useVisibility(node: RefObject<Element>, draft: IDraft | null): void {
  useEffect(() => {
    if (!draft || !node.current) {
      return;
    }
    const view = {};
    let inSight = typeof IntersectionObserver === 'undefined';
    const tell = (): void => draft.show(view, inSight && document.visibilityState === 'visible');
    const observer = inSight
      ? null
      : new IntersectionObserver(entries => {
          inSight = entries[entries.length - 1].isIntersecting;
          tell();
        });
    observer?.observe(node.current);
    document.addEventListener('visibilitychange', tell);
    tell();
    return () => {
      observer?.disconnect();
      document.removeEventListener('visibilitychange', tell);
      draft.show(view, false);
    };
  }, [node, draft]);
}
