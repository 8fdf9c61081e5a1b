/**
 * The text field of a comment. After "@" it offers the people who can be mentioned.
 */

import { type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from 'react';
import type { IMentionableUser } from '../../api/types';
import type { IDiscussion } from '../../models/discussion';
import type { IHost } from '../host';
import { showHiddenCharacters } from '../../text/hidden-characters';
import { findCandidates, type ITypedName, findTypedName } from './mentions';

interface IProps {
  label: string;
  value: string;
  disabled: boolean;
  discussion: IDiscussion;
  /** Users who may be mentioned. */
  people: readonly IMentionableUser[];
  host: IHost;
  node: RefObject<HTMLTextAreaElement>;
  onChange: (text: string) => void;
}

/** A text field that completes names of people after "@". */
export function CommentField(props: IProps): JSX.Element {
  const { label, value, disabled, discussion, people, host, node, onChange } = props;
  const list = useId();
  const [typed, setTyped] = useState<ITypedName | null>(null);
  const [active, setActive] = useState(0);
  const asked = useRef(false);
  const cursor = useRef<number | null>(null);
  const offered = typed ? findCandidates(typed, people) : [];

  useEffect(() => {
    if (typed && !asked.current) {
      asked.current = true;
      void discussion.read();
    }
  }, [typed, discussion]);
  useEffect(() => {
    if (cursor.current !== null) {
      node.current?.setSelectionRange(cursor.current, cursor.current);
      cursor.current = null;
    }
  });

  const look = (field: HTMLTextAreaElement): void => {
    const found = findTypedName(field.value, field.selectionStart);
    if (found?.at !== typed?.at || found?.name !== typed?.name) {
      setTyped(found);
      setActive(0);
    }
  };
  const pick = ({ name, username }: IMentionableUser): void => {
    const { at, name: begun } = typed!;
    const before = `${value.slice(0, at)}@${name || username} `;
    onChange(before + value.slice(at + 1 + begun.length));
    cursor.current = before.length;
    setTyped(null);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (offered.length === 0 || event.nativeEvent.isComposing) {
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      setActive((active + step + offered.length) % offered.length);
    } else if (event.key === 'Enter' || event.key === 'Tab') {
      pick(offered[active]);
    } else if (event.key === 'Escape') {
      setTyped(null);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="jp-hitl-mentioning">
      <textarea
        ref={node}
        rows={Math.min(8, value.split('\n').length)}
        value={value}
        disabled={disabled}
        aria-label={label}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={offered.length > 0 ? list : undefined}
        aria-activedescendant={offered.length > 0 ? `${list}-${active}` : undefined}
        onChange={event => {
          onChange(event.target.value);
          look(event.target);
        }}
        onSelect={event => look(event.currentTarget)}
        onKeyDown={onKey}
        onBlur={() => setTyped(null)}
      />
      {offered.length > 0 && (
        <ul id={list} role="listbox" aria-label={host.trans.__('People')}>
          {offered.map((one, i) => (
            <li
              key={one.username}
              id={`${list}-${i}`}
              role="option"
              aria-selected={i === active}
              onMouseDown={event => event.preventDefault()}
              onClick={() => pick(one)}
            >
              {showHiddenCharacters(one.name)}
              {one.name !== one.username && <small> {showHiddenCharacters(one.username)}</small>}
            </li>
          ))}
        </ul>
      )}
      <span className="jp-hitl-visually-hidden" aria-live="polite">
        {offered.length > 0 &&
          host.trans._n('%1 person can be mentioned', '%1 people can be mentioned', offered.length)}
      </span>
    </div>
  );
}
